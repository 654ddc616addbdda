// The first steps of a user: set-up, a key from creation to deletion, and signing in again.

import { axe, createKey, expect, expectFitsWidth, open, row, rows, secret, setUp, signIn, test, waitForHydration, waitForPage } from './fixtures';

const ada = { name: 'Ada Lovelace', email: 'ada@example.com', password: 'correct horse battery staple' };

test('set-up, then a key is created, used, renamed and deleted', async ({ page, context, emptyServer: server }) => {
  test.setTimeout(180_000);
  const checkPage = async (state: string) => {
    await axe(page, state);
    await expectFitsWidth(page);
  };
  const search = page.getByRole('searchbox', { name: 'Search' });
  const userMenu = page.getByRole('button', { name: ada.name });
  const confirmation = page.getByRole('alertdialog');

  await test.step('set-up', async () => {
    await open(page, server.setupLink);
    await checkPage('set-up');
    expect(page.url(), 'the token leaves the address bar').toBe(`${server.url}/setup`);
    await setUp(page, 'Analytical Engines', ada);
    await waitForPage(page, '/overview');
    await checkPage('the overview of a new organization');
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'API Keys' }).click();
    await waitForPage(page, '/keys/internal');
    await expect(page.getByRole('tab', { name: 'Internal', selected: true })).toBeVisible();
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    await checkPage('the empty list of internal keys');
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await expect(page.getByRole('tab', { name: 'Agent API Key', selected: true })).toBeVisible();
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    await checkPage('the empty list');
  });

  const internalKey = server.admin(['create-key', '--name', 'gateway', '--days', '30']);
  let key = '';

  await test.step('create', async () => {
    await page.getByRole('button', { name: 'Create API Key' }).click();
    await checkPage('the menu of kinds');
    await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
    await expect(page.getByLabel('API Key Name')).toBeFocused();
    await checkPage('the create dialog');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);

    key = await createKey(page, 'nightly-build');
    expect(key).toMatch(/^lka_[0-9A-Za-z]{49}$/);
    await expect(page.getByRole('dialog').getByText(/won’t be able to see this key again/)).toBeVisible();
    await checkPage('the pop-up');

    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await expect(page.getByRole('alert')).toContainText('haven’t copied');
    await checkPage('the pop-up, with a warning');
    await page.getByRole('button', { name: 'Keep open' }).click();
    await expect(secret(page)).toHaveText(key);

    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click();
    await expect(page.getByText('Copied', { exact: true })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key);
    await checkPage('the pop-up, copied');
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });

  const keyRow = row(page, 'nightly-build');

  await test.step('find', async () => {
    await expect(keyRow).toContainText(`lka_…${key.slice(-4)}`);
    await expect(keyRow.getByText('Active', { exact: true })).toBeVisible();
    await expect(keyRow.getByText('Never', { exact: true })).toBeVisible();
    await checkPage('the list');

    await search.fill('no such name');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await expect(rows(page)).toHaveCount(0);
    await checkPage('no match');
    await search.fill('IGHTLY');
    await expect(keyRow).toBeVisible();
    await search.fill('');
    await expect(page).toHaveURL(`${server.url}/keys/agent`);
  });

  await test.step('use', async () => {
    expect(await server.verify(internalKey, key)).toMatchObject({ valid: true, code: 'VALID', name: 'nightly-build' });
    await expect(async () => {
      await page.reload();
      await waitForHydration(page);
      await expect(keyRow.getByText('Never', { exact: true })).toHaveCount(0, { timeout: 500 });
    }).toPass();
    await expect(keyRow).toBeVisible();
    expect(await page.content(), 'the secret after a reload').not.toContain(key);
  });

  await test.step('rename', async () => {
    await keyRow.getByRole('button', { name: 'Edit' }).click();
    await expect(page.getByLabel('API Key Name')).toHaveValue('nightly-build');
    await checkPage('the edit dialog');
    await page.getByLabel('API Key Name').fill('weekly-build');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(row(page, 'weekly-build')).toBeVisible();
    await expect(keyRow).toHaveCount(0);
    await expect(page.getByText('Key renamed')).toBeVisible();
    await checkPage('the renamed key');
    expect(await server.verify(internalKey, key)).toMatchObject({ code: 'VALID', name: 'weekly-build' });
  });

  await test.step('delete', async () => {
    const renamed = row(page, 'weekly-build');
    await renamed.getByRole('button', { name: 'Delete' }).click();
    await expect(confirmation).toContainText('cannot be undone');
    await checkPage('the confirmation');
    await confirmation.getByRole('button', { name: 'Cancel' }).click();
    await expect(confirmation).toHaveCount(0);
    await expect(renamed).toBeVisible();

    await renamed.getByRole('button', { name: 'Delete' }).click();
    await confirmation.getByRole('button', { name: 'Delete' }).click();
    await expect(renamed).toHaveCount(0);
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    expect(await server.verify(internalKey, key)).toMatchObject({ valid: false, code: 'NOT_FOUND', name: null });
  });

  await test.step('sign out and in again', async () => {
    await userMenu.click();
    await checkPage('the user menu');
    await expect(page.getByRole('menuitem')).toHaveText(['Profile', 'Billing', 'API Keys', 'API reference', 'Docs', /^Keyboard shortcuts/, 'Sign out']);
    await page.getByRole('menuitem', { name: 'Profile' }).click();
    await expect(page.getByRole('heading', { name: 'Profile' })).toBeVisible();
    await expect(page.getByText(ada.email)).toBeVisible();
    await checkPage('the profile');
    await userMenu.click();
    await page.getByRole('menuitem', { name: 'API Keys' }).click();
    await expect(row(page, 'gateway')).toBeVisible();

    await userMenu.click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await waitForPage(page, '/sign-in');
    await checkPage('the sign-in page');
    await signIn(page, ada);
    await waitForPage(page, '/overview');
    await expect(userMenu).toBeVisible();
  });
});
