// A project key, from its template to a priced request and revocation: the project owner in one browser, the requester in another.

import type { Locator, Page } from '@playwright/test';
import { authenticate, axe, copyAndClose, expect, expectFitsWidth, open, test } from './fixtures';

/** Edits a text inline. */
async function editText(tile: Locator, name: string, text: string): Promise<void> {
  await tile.getByRole('button', { name: new RegExp(`^${name}: `) }).click();
  const field = tile.getByRole('textbox', { name, exact: true });
  await field.fill(text);
  await field.press('Enter');
  await expect(field).toHaveCount(0);
}

/** Creates a project through the page. Returns its path. */
async function createProject(page: Page, name: string): Promise<string> {
  await open(page, '/projects');
  await page.getByRole('button', { name: 'Create project' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill(name);
  await dialog.getByLabel('Visibility').selectOption({ label: 'Everyone in the organization' });
  await dialog.getByRole('button', { name: 'Create project' }).click();
  await page.waitForURL(/\/projects\/prj_\w+$/);
  await expect(page.getByRole('heading', { level: 1, name, exact: true })).toBeVisible();
  return new URL(page.url()).pathname;
}

test.describe('a project key', () => {
  test.use({ expectedErrors: [401, 403] });

  test('goes from a template to a priced request and revocation', async ({ page, otherPage, server, owner }) => {
    const mia = server.addUser('member', owner.organization, 'Mia Chen');
    await authenticate(otherPage.context(), server, mia);

    // The owner creates a template.
    const project = await createProject(page, 'Genomics');
    await open(page, `${project}/keys`);
    await page.getByRole('button', { name: 'Add template' }).click();
    const tile = page.getByRole('article').first();
    await expect(tile.getByRole('textbox', { name: 'Name', exact: true })).toBeFocused();
    await page.keyboard.type('Read access');
    await page.keyboard.press('Enter');
    await editText(tile, 'Price per request', '0.0025');
    await tile.getByLabel('Role').selectOption({ label: 'Viewer' });
    await axe(page, 'a template');

    // A member requests a key. The request appears for the owner without a reload.
    await open(otherPage, project);
    const card = otherPage.getByRole('article', { name: 'Read access' });
    await card.getByRole('button', { name: 'Request' }).click();
    await expect(card).toContainText('Waiting');
    const requestRow = page.getByRole('row').filter({ hasText: 'Mia Chen' });
    await expect(requestRow).toContainText('Read access');
    await expect(page.getByRole('button', { name: /Notifications, 1 unread/ })).toBeVisible();

    // The owner approves. The holder sees it without a reload, and reveals the key once.
    await requestRow.getByRole('button', { name: 'Approve' }).click();
    await expect(requestRow).toContainText('Approved');
    await card.getByRole('button', { name: 'Reveal key' }).click();
    const token = (await otherPage.getByRole('dialog').getByText(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/).textContent()) ?? '';
    await axe(otherPage, 'a revealed key');
    await copyAndClose(otherPage);
    await expect(card).toContainText('Revealed');
    await expect(card.getByRole('button', { name: 'Reveal key' })).toHaveCount(0);
    expect(await page.content()).not.toContain(token);
    expect(server.log).not.toContain(token);

    // The holder imports the key into another project.
    const ownProject = await createProject(otherPage, 'My pipeline');
    await open(otherPage, project);
    await card.getByRole('button', { name: 'Import into a project…' }).click();
    const dialog = otherPage.getByRole('dialog');
    await dialog.getByLabel('Project').selectOption({ label: 'My pipeline' });
    await dialog.getByLabel('Prefix').fill('genomics');
    await dialog.getByLabel('API key').fill(token);
    await expect(dialog).toContainText('genomics_token');
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(dialog).toHaveCount(0);
    await open(otherPage, ownProject);
    await expect(otherPage.getByRole('row', { name: 'genomics_token' })).toBeVisible();

    // A request is counted and priced.
    const readProject = () => fetch(`${server.url}/api/v1${project}`, { headers: { authorization: `Bearer ${token}` } });
    const response = await readProject();
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ name: 'Genomics' });
    await open(page, `${project}/keys/issued`);
    const issuedRow = page.getByRole('row').filter({ hasText: 'Mia Chen' });
    await expect(async () => {
      await page.getByRole('button', { name: 'Refresh' }).click();
      await expect(issuedRow).toContainText('0.0025', { timeout: 500 });
    }).toPass();
    await expect(issuedRow.getByRole('cell').nth(3)).toContainText('1');
    await axe(page, 'the issued keys');
    await expectFitsWidth(page);
    await open(page, '/billing');
    await expect(page.getByRole('main')).toContainText('0.0025');

    // After revocation, the next request is rejected.
    await open(page, `${project}/keys/issued`);
    await issuedRow.getByRole('button', { name: /^Delete/ }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: /Revoke|Delete/ }).click();
    await expect(issuedRow).toContainText('Revoked');
    expect((await readProject()).status).toBe(401);
    await expect(card).toHaveCount(0);
    await open(otherPage, project);
    await expect(card).toContainText('Revoked');
  });
});
