// Projects with members, nodes and secrets; and the settings of the organization.

import type { Locator, Page } from '@playwright/test';
import { authenticate, axe, call, expect, expectFitsWidth, open, row, test, waitForHydration, waitForPage } from './fixtures';

/** A section of the page, by its heading. */
const section = (page: Page, name: string): Locator => page.getByRole('region', { name, exact: true });

/** Creates a project through the page. Returns its path. */
async function createProject(page: Page, name: string, visibility = 'Project members only'): Promise<string> {
  await open(page, '/projects');
  await page.getByRole('button', { name: 'Create project' }).click();
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Description').fill('Output of the sequencers.\nOne run a day.');
  await page.getByLabel('Visibility').selectOption({ label: visibility });
  await page.getByRole('dialog').getByRole('button', { name: 'Create project' }).click();
  await page.waitForURL(/\/projects\/prj_\w+$/);
  await expect(page.getByRole('heading', { level: 1, name, exact: true })).toBeVisible();
  return new URL(page.url()).pathname;
}

/** A text that can be edited in place. */
const text = (details: Locator, name: string): Locator => details.getByRole('button', { name: new RegExp(`^${name}: `) });

/** Edits a text in place. */
async function editText(details: Locator, name: string, value: string): Promise<void> {
  await text(details, name).click();
  await details.getByRole('textbox', { name, exact: true }).fill(value);
  await details.getByRole('textbox', { name, exact: true }).press('Enter');
}

/** Fills in the fields of the open dialog, by label, and submits it. */
async function submitDialog(page: Page, fields: Record<string, string>, button: string): Promise<void> {
  const dialog = page.getByRole('dialog').or(page.getByRole('alertdialog'));
  for (const [label, value] of Object.entries(fields)) {
    await dialog.getByLabel(label, { exact: true }).fill(value);
  }
  await dialog.getByRole('button', { name: button, exact: true }).click();
}

test.describe('a project', () => {
  test.use({ expectedErrors: [403, 404, 409, 422] });

  test('is created, shown, edited and deleted by a manager', async ({ page, owner, context }) => {
    await open(page, '/projects');
    await expect(page.getByText('No projects yet')).toBeVisible();
    await axe(page, 'no projects');
    await expectFitsWidth(page);
    await page.getByRole('button', { name: 'Create project' }).click();
    await axe(page, 'the dialog for a new project');
    await submitDialog(page, {}, 'Create project');
    await expect(page.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await page.keyboard.press('Escape');
    const path = await createProject(page, 'Reads');
    await axe(page, 'an empty project');
    await expectFitsWidth(page);

    // A duplicate name is rejected, and the typed values are kept.
    await open(page, '/projects');
    await page.getByRole('button', { name: 'Create project' }).click();
    await submitDialog(page, { Name: 'READS', Description: 'typed' }, 'Create project');
    await expect(page.getByText('A project with this name already exists.')).toBeVisible();
    await expect(page.getByLabel('Description')).toHaveValue('typed');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await axe(page, 'the projects');
    await expectFitsWidth(page);
    await page.getByRole('link', { name: 'Reads' }).click();
    await waitForPage(page, path);

    // The ID is beside the heading, the description below it.
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy', exact: true }).click();
    await expect(page.getByText('Copied', { exact: true })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(path.split('/')[2]);
    await expect(page.locator('.project-description')).toHaveText('Output of the sequencers.\nOne run a day.', { useInnerText: true });

    // Details are edited in place.
    const details = section(page, 'Details');
    await expect(details).toContainText(owner.name);
    await editText(details, 'Name', 'Sequencer reads');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Sequencer reads');
    await editText(details, 'Description', 'Output of one sequencer.');
    await expect(page.locator('.project-description')).toHaveText('Output of one sequencer.');
    await editText(details, 'Name', ' ');
    await expect(details.getByRole('textbox', { name: 'Name', exact: true })).toHaveAttribute('aria-invalid', 'true');
    await axe(page, 'a rejected name of a project');
    await page.keyboard.press('Escape');
    const saved = page.waitForResponse(/\/fn\/projects\/edit/);
    await details.getByLabel('Visibility').selectOption({ label: 'Everyone in the organization' });
    await saved;
    await page.reload();
    await waitForHydration(page);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Sequencer reads');
    await expect(details.getByLabel('Visibility').locator('option:checked')).toHaveText('Everyone in the organization');
    await expect(page.getByRole('tab')).toHaveText(['About Project', 'Samples', 'API KEYS', 'ISSUED KEYS']);
    await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Projects' })).toHaveAttribute('aria-current', 'page');

    await section(page, 'Danger zone').getByRole('button', { name: 'Delete project' }).click();
    await expect(page.getByRole('alertdialog')).toContainText('All its keys stop working immediately');
    await expect(page.getByRole('alertdialog')).toContainText('0 keys in use · 0 secrets · 0 nodes');
    await expect(page.getByRole('alertdialog').getByRole('button', { name: 'Delete' })).toBeDisabled();
    await axe(page, 'the confirmation before deleting a project');
    await submitDialog(page, { 'Type Sequencer reads to delete': 'Sequencer reads' }, 'Delete');
    await waitForPage(page, '/projects');
    await expect(page.getByText('No projects yet')).toBeVisible();
    const response = await page.goto(path);
    expect(response?.status()).toBe(404);
    await waitForHydration(page);
    await expect(page.getByRole('heading', { name: 'Project not found' })).toBeVisible();
    await axe(page, 'a project that does not exist');
  });

  test('shows what somebody else has changed', { tag: '@once' }, async ({ page, server, owner }) => {
    void owner;
    const path = await createProject(page, 'Reads');
    const request = { name: 'Reads', description: 'Output of the sequencers.\nOne run a day.', visibility: 'members' };
    await call(page, server, 'projects/edit', { id: path.split('/')[2], request: { ...request, name: 'Theirs', description: 'Theirs too.' } });
    const details = section(page, 'Details');
    await text(details, 'Name').click();
    await details.getByRole('textbox', { name: 'Name', exact: true }).fill('Mine');
    await page.keyboard.press('Enter');
    await expect(details.getByText('Someone else changed this to “Theirs”.')).toBeVisible();
    // The other value is not overwritten.
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Mine');
    await expect(page.locator('.project-description')).toHaveText('Theirs too.');
  });

  test('has members, and always at least one manager', async ({ page, otherPage, server, owner }) => {
    const grace = server.addUser('viewer', owner.organization, 'Grace Hopper');
    await authenticate(otherPage.context(), server, grace);
    const path = await createProject(page, 'Reads');
    expect((await otherPage.goto(path))?.status(), 'not found for other users').toBe(404);

    const members = section(page, 'Members');
    await members.getByRole('button', { name: 'Add member' }).click();
    await axe(page, 'the dialog for a new member');
    await page.getByLabel('Person').selectOption({ label: `Grace Hopper (${grace.email})` });
    await page.getByLabel('Role', { exact: true }).selectOption({ label: 'Viewer' });
    await submitDialog(page, {}, 'Add member');
    await expect(row(page, 'Grace Hopper')).toContainText('Viewer');
    await axe(page, 'members of a project');
    await expectFitsWidth(page);

    await open(otherPage, '/projects');
    await otherPage.getByRole('link', { name: 'Reads' }).click();
    await expect(otherPage.getByRole('heading', { level: 1, name: 'Reads' })).toBeVisible();
    await expect(otherPage.getByRole('tab')).toHaveText(['About Project', 'Samples']);
    await expect(section(otherPage, 'Members')).not.toContainText('@');
    await expect(section(otherPage, 'Secrets')).toHaveCount(0);
    await expect(otherPage.getByRole('main').getByRole('button', { name: /Add|Edit|Delete|^Name|^Description/ })).toHaveCount(0);
    await expect(section(otherPage, 'Details')).toContainText('Project members only');
    await expect(section(otherPage, 'Danger zone')).toHaveCount(0);
    await axe(otherPage, 'a project with view permission only');

    await row(page, owner.name).getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    await submitDialog(page, {}, 'Remove');
    await expect(page.getByRole('alertdialog')).toContainText('the last active manager of the project');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await row(page, 'Grace Hopper').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Change role' }).click();
    await page.getByLabel('Role', { exact: true }).selectOption({ label: 'Member' });
    await submitDialog(page, {}, 'Save');
    await expect(row(page, 'Grace Hopper').getByRole('cell').nth(2)).toHaveText('Member');
    await row(page, 'Grace Hopper').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    await submitDialog(page, {}, 'Remove');
    await expect(row(page, 'Grace Hopper')).toHaveCount(0);
    expect((await otherPage.goto(path))?.status()).toBe(404);
  });

  test('has nodes and secrets', async ({ page, server, owner, internalKey }) => {
    const path = await createProject(page, 'Reads');
    const nodes = section(page, 'Nodes');
    await nodes.getByRole('button', { name: 'Add node' }).focus();
    await page.keyboard.press('Enter');
    await expect(page.getByLabel('Name', { exact: true })).toBeFocused();
    await page.keyboard.type('Input');
    await page.keyboard.press('Enter');
    await expect(row(page, 'Input').getByRole('cell').nth(1)).toHaveText('1');
    await nodes.getByRole('button', { name: 'Add node' }).click();
    await submitDialog(page, { Name: 'input' }, 'Add node');
    await expect(page.getByText('This project already has a node with this name.')).toBeVisible();
    await submitDialog(page, { Name: 'Output' }, 'Add node');
    await row(page, 'Output').getByRole('button', { name: 'Edit' }).click();
    await submitDialog(page, { Name: 'Results' }, 'Save');
    await expect(row(page, 'Results').getByRole('cell').nth(1)).toHaveText('2');
    await expect(row(page, 'Results').getByRole('button', { name: 'Edit' })).toBeFocused();
    await row(page, 'Input').getByRole('button', { name: 'Delete' }).click();
    await submitDialog(page, {}, 'Delete');
    await expect(row(page, 'Input')).toHaveCount(0);

    const secrets = section(page, 'Secrets');
    await secrets.getByRole('button', { name: 'Add secret' }).click();
    await axe(page, 'the dialog for a new secret');
    await submitDialog(page, { Name: 'api-token', Value: 's3cret value' }, 'Add secret');
    await expect(page.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel('Value', { exact: true }), 'the typed value is kept').toHaveValue('s3cret value');
    await submitDialog(page, { Name: 'api_token' }, 'Add secret');
    await expect(row(page, 'api_token')).toContainText(owner.name);
    const project = path.split('/')[2];
    const read = async () => (await server.get(internalKey, `/projects/${project}/secrets/api_token`)).value;
    expect(await read()).toBe('s3cret value');
    await row(page, 'api_token').getByRole('button', { name: 'Edit' }).click();
    await expect(page.getByLabel('Value', { exact: true })).toHaveValue('');
    await submitDialog(page, { Value: 'another' }, 'Save');
    await expect(page.getByText('Secret updated')).toBeVisible();
    expect(await read()).toBe('another');
    await page.reload();
    await waitForHydration(page);
    expect(await page.content()).not.toContain('another');
    await axe(page, 'a project with members, nodes and secrets');
    await expectFitsWidth(page);
    await row(page, 'api_token').getByRole('button', { name: 'Delete' }).click();
    await submitDialog(page, {}, 'Delete');
    await expect(row(page, 'api_token')).toHaveCount(0);
    expect(server.log).not.toContain('s3cret');
  });
});

test('an organization changes its name and its currency', async ({ page, owner }) => {
  await open(page, '/settings/organization');
  await axe(page, 'the organization');
  await expectFitsWidth(page);
  await expect(page.getByLabel('Currency')).toHaveValue('USD');
  await expect(page.getByText('aren’t converted')).toHaveCount(0);
  await page.getByLabel('Currency').selectOption({ label: 'EUR – Euro' });
  await expect(page.getByText('aren’t converted')).toBeVisible();
  await axe(page, 'another currency');
  await page.getByLabel('Name', { exact: true }).fill(`${owner.organization} Ltd`);
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('banner')).toContainText(`${owner.organization} Ltd`);
  await waitForHydration(page);
  await expect(page.locator('.toast')).toContainText('Changes saved');
  await expect(page.getByLabel('Currency')).toHaveValue('EUR');
});
