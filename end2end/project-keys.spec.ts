// From an empty project to a counted, priced call, and back: the owner of a project in one browser, somebody who wants to use it in another.

import type { Locator, Page } from '@playwright/test';
import { admit, axe, copyAndClose, expect, fitsWidth, open, test } from './fixtures';

/** Changes a text in its place. */
async function write(tile: Locator, name: string, text: string): Promise<void> {
  await tile.getByRole('button', { name: new RegExp(`^${name}: `) }).click();
  const field = tile.getByRole('textbox', { name, exact: true });
  await field.fill(text);
  await field.press('Enter');
  await expect(field).toHaveCount(0);
}

/** Makes a project as a person would. Answers its address. */
async function makeProject(page: Page, name: string): Promise<string> {
  await open(page, '/projects');
  await page.getByRole('button', { name: 'New project' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill(name);
  await dialog.getByLabel('Visibility').selectOption({ label: 'Everyone in the organization' });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(/\/projects\/prj_\w+$/);
  await expect(page.getByRole('heading', { level: 1, name, exact: true })).toBeVisible();
  return new URL(page.url()).pathname;
}

test.describe('a project key', () => {
  test.use({ refusals: [401, 403] });

  test('goes from a template to a priced call, and is taken back', async ({ page, stranger, server, owner }) => {
    const mia = server.addPerson('member', owner.organization, 'Mia Chen');
    await admit(stranger.context(), server, mia);

    // The owner designs a key once.
    const project = await makeProject(page, 'Genomics');
    await open(page, `${project}/keys`);
    await page.getByRole('button', { name: 'Add template' }).click();
    const tile = page.getByRole('article').first();
    await expect(tile.getByRole('textbox', { name: 'Name', exact: true })).toBeFocused();
    await page.keyboard.type('Read access');
    await page.keyboard.press('Enter');
    await write(tile, 'Price per request', '0.0025');
    await tile.getByLabel('Role').selectOption({ label: 'viewer' });
    await axe(page, 'a template');

    // Another asks; the owner hears of it without a reload.
    await open(stranger, project);
    const offered = stranger.getByRole('article', { name: 'Read access' });
    await offered.getByRole('button', { name: 'Request' }).click();
    await expect(offered).toContainText('Waiting');
    const asked = page.getByRole('row').filter({ hasText: 'Mia Chen' });
    await expect(asked).toContainText('Read access');
    await expect(page.getByRole('button', { name: /Notifications, 1 unread/ })).toBeVisible();

    // One click grants; the holder hears of it and reveals the key, once.
    await asked.getByRole('button', { name: 'Approve' }).click();
    await expect(asked).toHaveCount(0);
    await offered.getByRole('button', { name: 'Reveal key' }).click();
    const token = (await stranger.getByRole('dialog').getByText(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/).textContent()) ?? '';
    await axe(stranger, 'a key that is revealed');
    await copyAndClose(stranger);
    await expect(offered).toContainText('Revealed');
    await expect(offered.getByRole('button', { name: 'Reveal key' })).toHaveCount(0);
    expect(await page.content()).not.toContain(token);
    expect(server.log).not.toContain(token);

    // Into a project of the holder's own.
    const own = await makeProject(stranger, 'My pipeline');
    await open(stranger, project);
    await offered.getByRole('button', { name: 'Import into a project…' }).click();
    const dialog = stranger.getByRole('dialog');
    await dialog.getByLabel('Project').selectOption({ label: 'My pipeline' });
    await dialog.getByLabel('Prefix').fill('genomics');
    await dialog.getByLabel('API key').fill(token);
    await expect(dialog).toContainText('genomics_token');
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(dialog).toHaveCount(0);
    await open(stranger, own);
    await expect(stranger.getByRole('row', { name: 'genomics_token' })).toBeVisible();

    // A call, counted and priced.
    const call = () => fetch(`${server.url}/api/v1${project}`, { headers: { authorization: `Bearer ${token}` } });
    const answer = await call();
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ name: 'Genomics' });
    await open(page, `${project}/keys/issued`);
    const issued = page.getByRole('row').filter({ hasText: 'Mia Chen' });
    await expect(async () => {
      await page.getByRole('button', { name: 'Refresh' }).click();
      await expect(issued).toContainText('0.0025', { timeout: 500 });
    }).toPass();
    await expect(issued.getByRole('cell').nth(3)).toContainText('1');
    await axe(page, 'the issued keys');
    await fitsWidth(page);
    await open(page, '/billing');
    await expect(page.getByRole('main')).toContainText('0.0025');

    // Taken back: the next call is refused.
    await open(page, `${project}/keys/issued`);
    await issued.getByRole('button', { name: /^Delete/ }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: /Revoke|Delete/ }).click();
    await expect(issued).toContainText('Revoked');
    expect((await call()).status).toBe(401);
    await expect(offered).toHaveCount(0);
    await open(stranger, project);
    await expect(offered).toContainText('Revoked');
  });
});
