// A project: made, filled with people, nodes and secrets, changed and deleted; and what its organization decides.

import type { Locator, Page } from '@playwright/test';
import { admit, arrived, axe, expect, fitsWidth, live, open, row, test } from './fixtures';

/** A section of the page, by its heading. */
const section = (page: Page, name: string): Locator => page.getByRole('region', { name, exact: true });

/** Makes a project as a person would. Answers its address. */
async function make(page: Page, name: string, visibility = 'Project members only'): Promise<string> {
  await open(page, '/projects');
  await page.getByRole('button', { name: 'New project' }).click();
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Description').fill('What the sequencers wrote.\nOne run a day.');
  await page.getByLabel('Visibility').selectOption({ label: visibility });
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(/\/projects\/prj_\w+$/);
  await expect(page.getByRole('heading', { level: 1, name, exact: true })).toBeVisible();
  return new URL(page.url()).pathname;
}

/** Puts a value into the only dialog's fields, by label, and sends it. */
async function answer(page: Page, fields: Record<string, string>, button: string): Promise<void> {
  const dialog = page.getByRole('dialog').or(page.getByRole('alertdialog'));
  for (const [label, value] of Object.entries(fields)) {
    await dialog.getByLabel(label, { exact: true }).fill(value);
  }
  await dialog.getByRole('button', { name: button, exact: true }).click();
}

test.describe('a project', () => {
  test.use({ refusals: [403, 404, 409, 422] });

  test('is made, shown and changed by who manages it', async ({ page, owner, context }) => {
    await open(page, '/projects');
    await expect(page.getByText('No projects yet')).toBeVisible();
    await axe(page, 'no projects');
    await fitsWidth(page);
    await page.getByRole('button', { name: 'New project' }).click();
    await axe(page, 'the dialog that makes a project');
    await answer(page, {}, 'Save');
    await expect(page.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await page.keyboard.press('Escape');
    const address = await make(page, 'Reads');
    await axe(page, 'an empty project');
    await fitsWidth(page);

    // What it is called twice is refused, and what was typed stays.
    await open(page, '/projects');
    await page.getByRole('button', { name: 'New project' }).click();
    await answer(page, { Name: 'READS', Description: 'typed' }, 'Save');
    await expect(page.getByText('A project with this name already exists.')).toBeVisible();
    await expect(page.getByLabel('Description')).toHaveValue('typed');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await axe(page, 'the projects');
    await fitsWidth(page);
    await page.getByRole('link', { name: 'Reads' }).click();
    await arrived(page, address);

    const details = section(page, 'Details');
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await details.getByRole('button', { name: 'Copy' }).click();
    await expect(details.getByText('Copied', { exact: true })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(address.split('/')[2]);
    await expect(details).toContainText(owner.name);
    await details.getByRole('button', { name: 'Edit project' }).click();
    await expect(page.getByLabel('Description')).toHaveValue('What the sequencers wrote.\nOne run a day.');
    await page.getByLabel('Visibility').selectOption({ label: 'Everyone in the organization' });
    await answer(page, { Name: 'Sequencer reads' }, 'Save');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Sequencer reads');
    await expect(details).toContainText('Everyone in the organization');
    await expect(page.getByRole('tab')).toHaveText(['About Project', 'API KEYS', 'ISSUED KEYS']);
    await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Projects' })).toHaveAttribute('aria-current', 'page');

    await details.getByRole('button', { name: 'Delete project' }).click();
    await expect(page.getByRole('alertdialog')).toContainText('All its keys stop working immediately');
    await axe(page, 'the question before a project is deleted');
    await answer(page, {}, 'Delete');
    await arrived(page, '/projects');
    await expect(page.getByText('No projects yet')).toBeVisible();
    const gone = await page.goto(address);
    expect(gone?.status()).toBe(404);
    await live(page);
    await expect(page.getByRole('heading', { name: 'Project not found' })).toBeVisible();
    await axe(page, 'a project that is not there');
  });

  test('has members, of whom one always manages it', async ({ page, stranger, server, owner }) => {
    const grace = server.addPerson('viewer', owner.organization, 'Grace Hopper');
    await admit(stranger.context(), server, grace);
    const address = await make(page, 'Reads');
    expect((await stranger.goto(address))?.status(), 'it is not there for others').toBe(404);

    const members = section(page, 'Members');
    await members.getByRole('button', { name: 'Add member' }).click();
    await axe(page, 'the dialog that adds a member');
    await page.getByLabel('Person').selectOption({ label: `Grace Hopper (${grace.email})` });
    await page.getByLabel('Role', { exact: true }).selectOption({ label: 'viewer' });
    await answer(page, {}, 'Add');
    await expect(row(page, 'Grace Hopper')).toContainText('viewer');
    await axe(page, 'members of a project');
    await fitsWidth(page);

    await open(stranger, '/projects');
    await stranger.getByRole('link', { name: 'Reads' }).click();
    await expect(stranger.getByRole('heading', { level: 1, name: 'Reads' })).toBeVisible();
    await expect(stranger.getByRole('tab')).toHaveText(['About Project']);
    await expect(section(stranger, 'Members')).not.toContainText('@');
    await expect(section(stranger, 'Secrets')).toHaveCount(0);
    await expect(stranger.getByRole('button', { name: /Add|Edit|Delete/ })).toHaveCount(0);
    await axe(stranger, 'a project for those who only see it');

    await row(page, owner.name).getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    await answer(page, {}, 'Remove');
    await expect(page.getByRole('alertdialog')).toContainText('the last active manager of the project');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await row(page, 'Grace Hopper').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Change role' }).click();
    await page.getByLabel('Role', { exact: true }).selectOption({ label: 'member' });
    await answer(page, {}, 'Save');
    await expect(row(page, 'Grace Hopper').getByRole('cell').nth(2)).toHaveText('member');
    await row(page, 'Grace Hopper').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    await answer(page, {}, 'Remove');
    await expect(row(page, 'Grace Hopper')).toHaveCount(0);
    expect((await stranger.goto(address))?.status()).toBe(404);
  });

  test('has nodes and secrets, by the keyboard alone', async ({ page, server, owner, platformKey }) => {
    const address = await make(page, 'Reads');
    const nodes = section(page, 'Nodes');
    await nodes.getByRole('button', { name: 'Add node' }).focus();
    await page.keyboard.press('Enter');
    await expect(page.getByLabel('Name', { exact: true })).toBeFocused();
    await page.keyboard.type('Input');
    await page.keyboard.press('Enter');
    await expect(row(page, 'Input').getByRole('cell').nth(1)).toHaveText('1');
    await nodes.getByRole('button', { name: 'Add node' }).click();
    await answer(page, { Name: 'input' }, 'Save');
    await expect(page.getByText('This project already has a node with this name.')).toBeVisible();
    await answer(page, { Name: 'Output' }, 'Save');
    await row(page, 'Output').getByRole('button', { name: 'Edit' }).click();
    await answer(page, { Name: 'Results' }, 'Save');
    await expect(row(page, 'Results').getByRole('cell').nth(1)).toHaveText('2');
    await expect(row(page, 'Results').getByRole('button', { name: 'Edit' })).toBeFocused();
    await row(page, 'Input').getByRole('button', { name: 'Delete' }).click();
    await answer(page, {}, 'Delete');
    await expect(row(page, 'Input')).toHaveCount(0);

    const secrets = section(page, 'Secrets');
    await secrets.getByRole('button', { name: 'Add secret' }).click();
    await axe(page, 'the dialog that adds a secret');
    await answer(page, { Name: 'api-token', Value: 's3cret value' }, 'Save');
    await expect(page.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel('Value', { exact: true }), 'what was typed stays').toHaveValue('s3cret value');
    await answer(page, { Name: 'api_token' }, 'Save');
    await expect(row(page, 'api_token')).toContainText(owner.name);
    const project = address.split('/')[2];
    const read = async () => (await server.get(platformKey, `/projects/${project}/secrets/api_token`)).value;
    expect(await read()).toBe('s3cret value');
    await row(page, 'api_token').getByRole('button', { name: 'Edit' }).click();
    await expect(page.getByLabel('Value', { exact: true })).toHaveValue('');
    await answer(page, { Value: 'another' }, 'Save');
    await expect(page.getByText('Secret updated')).toBeVisible();
    expect(await read()).toBe('another');
    await page.reload();
    await live(page);
    expect(await page.content()).not.toContain('another');
    await axe(page, 'a project with all that belongs to one');
    await fitsWidth(page);
    await row(page, 'api_token').getByRole('button', { name: 'Delete' }).click();
    await answer(page, {}, 'Delete');
    await expect(row(page, 'api_token')).toHaveCount(0);
    expect(server.log).not.toContain('s3cret');
  });
});

test('an organization changes its name and its currency', async ({ page, owner }) => {
  await open(page, '/settings/organization');
  await axe(page, 'the organization');
  await fitsWidth(page);
  await expect(page.getByLabel('Currency')).toHaveValue('USD');
  await expect(page.getByText('aren’t converted')).toHaveCount(0);
  await page.getByLabel('Currency').selectOption({ label: 'EUR – Euro' });
  await expect(page.getByText('aren’t converted')).toBeVisible();
  await axe(page, 'another currency');
  await page.getByLabel('Name', { exact: true }).fill(`${owner.organization} Ltd`);
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('banner')).toContainText(`${owner.organization} Ltd`);
  await live(page);
  await expect(page.locator('.toast')).toContainText('Changes saved');
  await expect(page.getByLabel('Currency')).toHaveValue('EUR');
});
