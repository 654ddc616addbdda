// The whole path, from the set-up link of an empty server to signing in again, as a person goes it.

import { arrived, axe, createKey, expect, fitsWidth, live, open, row, rows, secret, signIn, test } from './fixtures';

const ada = { name: 'Ada Lovelace', email: 'ada@example.com', password: 'correct horse battery staple' };

test('from the set-up link to a key that is used, renamed and deleted', async ({ page, context, emptyServer: server }) => {
  test.setTimeout(180_000);
  const look = async (stop: string) => {
    await axe(page, stop);
    await fitsWidth(page);
  };
  const search = page.getByRole('searchbox', { name: 'Search' });
  const person = page.getByRole('button', { name: ada.name });
  const alert = page.getByRole('alertdialog');

  await test.step('set-up', async () => {
    await open(page, server.setupLink);
    await look('set-up');
    expect(page.url(), 'the token leaves the address bar').toBe(`${server.url}/setup`);
    await page.getByLabel('Organization').fill('Analytical Engines');
    await page.getByLabel('Name', { exact: true }).fill(ada.name);
    await page.getByLabel('Email').fill(ada.email);
    await page.getByLabel('Password', { exact: true }).fill(ada.password);
    await page.getByRole('button', { name: 'Create account' }).click();
    await arrived(page, '/keys/internal');
    await expect(page.getByRole('tab', { name: 'Internal', selected: true })).toBeVisible();
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    await look('the empty list of internal keys');
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await expect(page.getByRole('tab', { name: 'Agent API Key', selected: true })).toBeVisible();
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    await look('the empty list');
  });

  const platformKey = server.admin(['create-key', '--name', 'gateway', '--days', '30']);
  let key = '';

  await test.step('create', async () => {
    await page.getByRole('button', { name: 'Create API Key' }).click();
    await look('the menu of kinds');
    await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
    await expect(page.getByLabel('API Key Name')).toBeFocused();
    await look('the create dialog');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);

    key = await createKey(page, 'nightly-build');
    expect(key).toMatch(/^lka_[0-9A-Za-z]{49}$/);
    await expect(page.getByRole('dialog').getByText(/won’t be able to see this key again/)).toBeVisible();
    await look('the pop-up');

    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await expect(page.getByRole('alert')).toContainText('haven’t copied');
    await look('the pop-up, asking');
    await page.getByRole('button', { name: 'Keep open' }).click();
    await expect(secret(page)).toHaveText(key);

    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click();
    await expect(page.getByText('Copied', { exact: true })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key);
    await look('the pop-up, copied');
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });

  const made = row(page, 'nightly-build');

  await test.step('find', async () => {
    await expect(made).toContainText(`lka_…${key.slice(-4)}`);
    await expect(made.getByText('Active', { exact: true })).toBeVisible();
    await expect(made.getByText('Never', { exact: true })).toBeVisible();
    await look('the list');

    await search.fill('no such name');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await expect(rows(page)).toHaveCount(0);
    await look('no match');
    await search.fill('IGHTLY');
    await expect(made).toBeVisible();
    await search.fill('');
    await expect(page).toHaveURL(`${server.url}/keys/agent`);
  });

  await test.step('use', async () => {
    expect(await server.verify(platformKey, key)).toMatchObject({ valid: true, code: 'VALID', name: 'nightly-build' });
    await expect(async () => {
      await page.reload();
      await live(page);
      await expect(made.getByText('Never', { exact: true })).toHaveCount(0, { timeout: 500 });
    }).toPass();
    await expect(made).toBeVisible();
    expect(await page.content(), 'the secret after a reload').not.toContain(key);
  });

  await test.step('rename', async () => {
    await made.getByRole('button', { name: 'Edit' }).click();
    await expect(page.getByLabel('API Key Name')).toHaveValue('nightly-build');
    await look('the edit dialog');
    await page.getByLabel('API Key Name').fill('weekly-build');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(row(page, 'weekly-build')).toBeVisible();
    await expect(made).toHaveCount(0);
    await expect(page.getByText('Key renamed')).toBeVisible();
    await look('the renamed key');
    expect(await server.verify(platformKey, key)).toMatchObject({ code: 'VALID', name: 'weekly-build' });
  });

  await test.step('delete', async () => {
    const renamed = row(page, 'weekly-build');
    await renamed.getByRole('button', { name: 'Delete' }).click();
    await expect(alert).toContainText('cannot be undone');
    await look('the confirmation');
    await alert.getByRole('button', { name: 'Cancel' }).click();
    await expect(alert).toHaveCount(0);
    await expect(renamed).toBeVisible();

    await renamed.getByRole('button', { name: 'Delete' }).click();
    await alert.getByRole('button', { name: 'Delete' }).click();
    await expect(renamed).toHaveCount(0);
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    expect(await server.verify(platformKey, key)).toMatchObject({ valid: false, code: 'NOT_FOUND', name: null });
  });

  await test.step('leave and come back', async () => {
    await person.click();
    await look('the menu of the person');
    await expect(page.getByRole('menuitem')).toHaveText(['Profile', 'Billing', 'API Keys', 'API reference', 'Sign out']);
    await page.getByRole('menuitem', { name: 'Profile' }).click();
    await expect(page.getByRole('heading', { name: 'Profile' })).toBeVisible();
    await expect(page.getByText(ada.email)).toBeVisible();
    await look('the profile');
    await person.click();
    await page.getByRole('menuitem', { name: 'API Keys' }).click();
    await expect(row(page, 'gateway')).toBeVisible();

    await person.click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await arrived(page, '/sign-in');
    await look('the sign-in');
    await signIn(page, ada);
    await arrived(page, '/keys/internal');
    await expect(person).toBeVisible();
  });
});
