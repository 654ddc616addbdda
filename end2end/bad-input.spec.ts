// What can't be taken is refused at the field, in words, and nothing is stored.

import { createKey, copyAndClose, expect, live, open, row, rows, signIn, test, axe } from './fixtures';

const BAD_NAMES = [
  { what: 'blanks', typed: '   ', told: /Enter a name/ },
  { what: '101 characters', typed: 'ä'.repeat(101), told: /at most 100 characters/ },
  { what: 'a control character', typed: 'night\u0007ly', told: /invisible characters/ },
  { what: 'a turn of the text direction', typed: 'night\u202Ely', told: /invisible characters/ },
  { what: 'a name that is taken, in other letters', typed: 'NIGHTLY-build', told: /already|taken|exists/i },
];

test.describe('names', { tag: '@once' }, () => {
  test.use({ refusals: [409] });

  test.beforeEach(async ({ page, server, platformKey }) => {
    await server.addKey(platformKey, 'nightly-build');
    await server.addKey(platformKey, 'other');
    await open(page, '/keys/agent');
  });

  for (const { what, typed, told } of BAD_NAMES) {
    test(`${what} is no name`, async ({ page }) => {
      const field = page.getByLabel('API Key Name');
      const refused = async () => {
        await field.fill(typed);
        await page.getByRole('button', { name: 'Save' }).click();
        await expect(field).toHaveAttribute('aria-invalid', 'true');
        await expect(field).toHaveAccessibleDescription(told);
        await expect(field).toBeFocused();
        await expect(field).toHaveValue(typed);
        await page.getByRole('button', { name: 'Cancel' }).click();
        await page.reload();
        await live(page);
        await expect(rows(page)).toHaveCount(2);
      };

      await page.getByRole('button', { name: 'Create API Key' }).click();
      await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
      await refused();
      await row(page, 'other').getByRole('button', { name: 'Edit' }).click();
      await refused();
      await expect(row(page, 'other')).toBeVisible();
    });
  }

  test('the longest name is taken, and its own name in other letters too', async ({ page }) => {
    const longest = 'ä'.repeat(100);
    for (const name of [longest, longest.toUpperCase()]) {
      await rows(page).first().getByRole('button', { name: 'Edit' }).click();
      await page.getByLabel('API Key Name').fill(`  ${name}  `);
      await page.getByRole('button', { name: 'Save' }).click();
      await expect(row(page, name)).toBeVisible();
    }
  });

  test('markup is a name like any other', async ({ page }) => {
    const markup = '<img src=x onerror=alert(1)>';
    page.on('dialog', () => expect(true, 'no script runs').toBe(false));
    await createKey(page, markup);
    await expect(page.getByRole('dialog').getByText(markup)).toBeVisible();
    await copyAndClose(page);
    await page.reload();
    await live(page);
    await row(page, markup).getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByRole('alertdialog').getByText(markup)).toBeVisible();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('searchbox').fill(`${markup}?`);
    await expect(page.getByText(`${markup}?`)).toBeVisible();
    await page.reload();
    await live(page);
    await expect(page.getByText(`${markup}?`)).toBeVisible();
    await expect(page.locator('img')).toHaveCount(0);
  });
});

test.describe('a search for', { tag: '@once' }, () => {
  for (const pattern of ['%', '_', '\\', "'", '"', '&', '+', '#']) {
    test(`${pattern} finds what holds it, and nothing else`, async ({ page, server, platformKey }) => {
      await server.addKey(platformKey, `with ${pattern} in it`);
      await server.addKey(platformKey, 'without');
      await open(page, '/keys/agent');
      await page.getByRole('searchbox').fill(pattern);
      await expect(page.getByText('1 key', { exact: true })).toBeVisible();
      await page.reload();
      await live(page);
      await expect(rows(page)).toHaveCount(1);
      await expect(row(page, `with ${pattern} in it`)).toBeVisible();
      await expect(page.getByRole('searchbox')).toHaveValue(pattern);
    });
  }
});

test.describe('signing in', () => {
  test.use({ refusals: [401] });

  test('says that the password is wrong, and keeps the email', async ({ page, server }) => {
    const person = server.addPerson();
    await open(page, '/sign-in');
    await signIn(page, { ...person, password: 'not the password' });
    await expect(page.getByRole('alert')).toContainText('Incorrect email or password.');
    await expect(page.getByLabel('Email')).toHaveValue(person.email);
    await axe(page, 'a refused sign-in');
    await signIn(page, { ...person, email: 'nobody@example.com' });
    await expect(page.getByRole('alert')).toContainText('Incorrect email or password.');
    await expect(page).toHaveURL('/sign-in');
  });

  test('asks for what is missing, at its field', { tag: '@once' }, async ({ page, server }) => {
    server.addPerson();
    await open(page, '/sign-in');
    await signIn(page, { email: 'ada', password: '' });
    await expect(page.getByLabel('Email')).toHaveAccessibleDescription(/name@example\.com/);
    await expect(page.getByLabel('Email')).toBeFocused();
    await expect(page.getByLabel('Password', { exact: true })).toHaveAccessibleDescription('Enter your password.');
  });

  test('keeps what was typed before the page was live', { tag: '@once' }, async ({ page, server }) => {
    const person = server.addPerson();
    let letThrough = () => {};
    const typed = new Promise<void>((resolve) => (letThrough = resolve));
    await page.route('**/*.wasm', async (route) => {
      await typed;
      await route.continue();
    });
    await page.goto('/sign-in');
    await page.getByLabel('Email').fill(person.email);
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeDisabled();
    letThrough();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page).toHaveURL('/keys/internal');
  });
});

test.describe('set-up', { tag: '@once' }, () => {
  test.use({ refusals: [404] });

  test('says at each field what is wrong with it', async ({ page, emptyServer }) => {
    await open(page, emptyServer.setupLink);
    await page.getByLabel('Email').fill('ada@');
    await page.getByLabel('Password', { exact: true }).fill('too short');
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect(page.getByLabel('Organization')).toBeFocused();
    await expect(page.getByLabel('Organization')).toHaveAccessibleDescription('Enter a name.');
    await expect(page.getByLabel('Name', { exact: true })).toHaveAccessibleDescription('Enter a name.');
    await expect(page.getByLabel('Email')).toHaveAccessibleDescription(/name@example\.com/);
    await expect(page.getByLabel('Password', { exact: true })).toHaveAccessibleDescription('Use at least 12 characters.');
  });

  test('is refused without the right link', async ({ page, emptyServer }) => {
    await open(page, `${emptyServer.url}/setup#${'0'.repeat(32)}`);
    await page.getByLabel('Organization').fill('Analytical Engines');
    await page.getByLabel('Name', { exact: true }).fill('Eve');
    await page.getByLabel('Email').fill('eve@example.com');
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect(page.getByRole('alert')).toBeVisible();
    await page.goto(`${emptyServer.url}/keys/agent`);
    await expect(page, 'there is still nobody').toHaveURL(`${emptyServer.url}/setup`);
  });
});

test.describe('without JavaScript', { tag: '@once' }, () => {
  test.use({ javaScriptEnabled: false });

  test('no form can be sent, so no password gets into an address', async ({ page, server, emptyServer }) => {
    server.addPerson();
    await page.goto('/sign-in');
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeDisabled();
    await page.getByLabel('Password', { exact: true }).fill('secret');
    await page.getByLabel('Password', { exact: true }).press('Enter');
    await page.goto(emptyServer.setupLink);
    await expect(page.getByRole('button', { name: 'Create account' })).toBeDisabled();
  });
});
