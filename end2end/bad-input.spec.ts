// Invalid input: the field shows an error, and nothing is stored.

import { axe, copyAndClose, createKey, expect, open, row, rows, signIn, test, waitForHydration } from './fixtures';

const INVALID_NAMES = [
  { description: 'only spaces', value: '   ', error: /Enter a name/ },
  { description: '101 characters', value: 'ä'.repeat(101), error: /at most 100 characters/ },
  { description: 'a control character', value: 'night\u0007ly', error: /invisible characters/ },
  { description: 'a bidirectional control character', value: 'night\u202Ely', error: /invisible characters/ },
  { description: 'an existing name in another case', value: 'NIGHTLY-build', error: /already|taken|exists/i },
];

test.describe('names', { tag: '@once' }, () => {
  test.use({ expectedErrors: [409] });

  test.beforeEach(async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await server.addKey(internalKey, 'other');
    await open(page, '/keys/agent');
  });

  for (const { description, value, error } of INVALID_NAMES) {
    test(`rejects ${description}`, async ({ page }) => {
      const field = page.getByLabel('API Key Name');
      const expectRejected = async () => {
        await field.fill(value);
        await page.getByRole('button', { name: 'Save' }).click();
        await expect(field).toHaveAttribute('aria-invalid', 'true');
        await expect(field).toHaveAccessibleDescription(error);
        await expect(field).toBeFocused();
        await expect(field).toHaveValue(value);
        await page.getByRole('button', { name: 'Cancel' }).click();
        await page.reload();
        await waitForHydration(page);
        await expect(rows(page)).toHaveCount(2);
      };

      await page.getByRole('button', { name: 'Create API Key' }).click();
      await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
      await expectRejected();
      await row(page, 'other').getByRole('button', { name: 'Edit' }).click();
      await expectRejected();
      await expect(row(page, 'other')).toBeVisible();
    });
  }

  test('accepts 100 characters and a change of case', async ({ page }) => {
    const longest = 'ä'.repeat(100);
    for (const name of [longest, longest.toUpperCase()]) {
      await rows(page).first().getByRole('button', { name: 'Edit' }).click();
      await page.getByLabel('API Key Name').fill(`  ${name}  `);
      await page.getByRole('button', { name: 'Save' }).click();
      await expect(row(page, name)).toBeVisible();
    }
  });

  test('shows markup in a name as text', async ({ page }) => {
    const markup = '<img src=x onerror=alert(1)>';
    page.on('dialog', () => expect(true, 'no script runs').toBe(false));
    await createKey(page, markup);
    await expect(page.getByRole('dialog').getByText(markup)).toBeVisible();
    await copyAndClose(page);
    await page.reload();
    await waitForHydration(page);
    await row(page, markup).getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByRole('alertdialog').getByText(markup)).toBeVisible();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('searchbox').fill(`${markup}?`);
    await expect(page.getByText(`${markup}?`)).toBeVisible();
    await page.reload();
    await waitForHydration(page);
    await expect(page.getByText(`${markup}?`)).toBeVisible();
    await expect(page.locator('img')).toHaveCount(0);
  });
});

test.describe('search', { tag: '@once' }, () => {
  for (const pattern of ['%', '_', '\\', "'", '"', '&', '+', '#']) {
    test(`finds only names that contain ${pattern}`, async ({ page, server, internalKey }) => {
      await server.addKey(internalKey, `with ${pattern} in it`);
      await server.addKey(internalKey, 'with in it');
      await open(page, '/keys/agent');
      await page.getByRole('searchbox').fill(`${pattern} in`);
      await expect(page.getByText('1 key', { exact: true })).toBeVisible();
      await page.reload();
      await waitForHydration(page);
      await expect(rows(page)).toHaveCount(1);
      await expect(row(page, `with ${pattern} in it`)).toBeVisible();
      await expect(page.getByRole('searchbox')).toHaveValue(`${pattern} in`);
    });

    test(`finds only names that begin with ${pattern}`, async ({ page, server, internalKey }) => {
      await server.addKey(internalKey, `${pattern} in front`);
      await server.addKey(internalKey, `with ${pattern} in it`);
      await server.addKey(internalKey, 'without');
      await open(page, '/keys/agent');
      await page.getByRole('searchbox').fill(pattern);
      await expect(page.getByText('1 key', { exact: true })).toBeVisible();
      await expect(row(page, `${pattern} in front`)).toBeVisible();
    });
  }
});

test.describe('sign-in', () => {
  test.use({ expectedErrors: [401, 429] });

  test('rejects a wrong password and keeps the email', async ({ page, server }) => {
    const user = server.addUser();
    await open(page, '/sign-in');
    await signIn(page, { ...user, password: 'not the password' });
    await expect(page.getByRole('alert')).toContainText('Incorrect email or password.');
    await expect(page.getByLabel('Email')).toHaveValue(user.email);
    await axe(page, 'a rejected sign-in');
    await signIn(page, { ...user, email: 'unknown@example.com' });
    await expect(page.getByRole('alert')).toContainText('Incorrect email or password.');
    await expect(page).toHaveURL('/sign-in');
  });

  test('says how long to wait after too many attempts', { tag: '@once' }, async ({ page, server }) => {
    const user = server.addUser();
    await page.route('**/fn/account/sign-in*', (route) => route.fulfill({ status: 429, json: { code: 'throttled', seconds: 5 } }));
    await open(page, '/sign-in');
    await signIn(page, user);
    await expect(page.getByRole('alert')).toContainText('Too many attempts.');
    const waiting = page.getByRole('button', { name: /^Try again in 0:0[1-5]$/ });
    await expect(waiting).toHaveAttribute('aria-disabled', 'true');
    await expect(page.getByText('The operator of this server can set a new one')).toBeVisible();
    await axe(page, 'a throttled sign-in');
    await page.unrouteAll();
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await signIn(page, user);
    await expect(page).toHaveURL('/overview');
  });

  test('shows an error at each missing field', { tag: '@once' }, async ({ page, server }) => {
    server.addUser();
    await open(page, '/sign-in');
    await signIn(page, { email: 'ada', password: '' });
    await expect(page.getByLabel('Email')).toHaveAccessibleDescription(/name@example\.com/);
    await expect(page.getByLabel('Email')).toBeFocused();
    await expect(page.getByLabel('Password', { exact: true })).toHaveAccessibleDescription('Enter your password.');
  });

  test('keeps values typed before hydration', { tag: '@once' }, async ({ page, server }) => {
    const user = server.addUser();
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/*.wasm', async (route) => {
      await released;
      await route.continue();
    });
    await page.goto('/sign-in');
    await page.getByLabel('Email').fill(user.email);
    await page.getByLabel('Password', { exact: true }).fill(user.password);
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeDisabled();
    release();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page).toHaveURL('/overview');
  });
});

test.describe('set-up', { tag: '@once' }, () => {
  test.use({ expectedErrors: [404] });

  test('shows an error at each invalid field', async ({ page, emptyServer }) => {
    await open(page, emptyServer.setupLink);
    await page.getByLabel('Email').fill('ada@');
    await page.getByLabel('Password', { exact: true }).fill('too short');
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect(page.getByLabel('Organization')).toBeFocused();
    await expect(page.getByLabel('Organization')).toHaveAccessibleDescription('Enter a name.');
    await expect(page.getByLabel('Name', { exact: true })).toHaveAccessibleDescription('Enter a name.');
    await expect(page.getByLabel('Email')).toHaveAccessibleDescription(/name@example\.com/);
    await expect(page.getByLabel('Password', { exact: true })).toHaveAccessibleDescription(/^Use at least 12 characters\./);
  });

  test('rejects a wrong link', async ({ page, emptyServer }) => {
    await open(page, `${emptyServer.url}/setup#${'0'.repeat(32)}`);
    await page.getByLabel('Organization').fill('Analytical Engines');
    await page.getByLabel('Name', { exact: true }).fill('Eve');
    await page.getByLabel('Email').fill('eve@example.com');
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect(page.getByRole('alert')).toBeVisible();
    await page.goto(`${emptyServer.url}/keys/agent`);
    await expect(page, 'no user was created').toHaveURL(`${emptyServer.url}/setup`);
  });
});

test.describe('without JavaScript', { tag: '@once' }, () => {
  test.use({ javaScriptEnabled: false });

  test('forms are disabled, so no password gets into a URL', async ({ page, server, emptyServer }) => {
    server.addUser();
    await page.goto('/sign-in');
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeDisabled();
    await page.getByLabel('Password', { exact: true }).fill('secret');
    await page.getByLabel('Password', { exact: true }).press('Enter');
    await page.goto(emptyServer.setupLink);
    await expect(page.getByRole('button', { name: 'Create account' })).toBeDisabled();
  });
});
