// Key templates edited inline, and requests for their keys: the project manager in one browser, the requester in another.

import type { Locator, Page } from '@playwright/test';
import { addProject, authenticate, axe, call, clickTwice, expect, expectFitsWidth, open, switchUser, test, waitForHydration } from './fixtures';
import type { Server, User } from './server';

/** Creates a template in a project, and names it, so that it is no draft. */
async function addTemplate(page: Page, server: Server, project: string, given: Record<string, string> = {}): Promise<any> {
  const template = await call(page, server, 'templates/create', { project });
  const values: Record<string, string> = { name: template.name, ...given };
  const before: Record<string, string> = { name: template.name, description: '', price: '0', duration_days: '' };
  for (const [which, after] of Object.entries(values)) {
    await call(page, server, 'templates/edit', { id: template.id, edit: { which, before: before[which], after } });
  }
  return template;
}

/** Creates a member of the same organization, and signs them in in the other browser. */
async function addRequester(otherPage: Page, server: Server, owner: User, name = 'Mia Chen'): Promise<User> {
  const requester = server.addUser('member', owner.organization, name);
  await authenticate(otherPage.context(), server, requester);
  return requester;
}

/** A text that can be edited inline. */
function text(tile: Locator, name: string): Locator {
  return tile.getByRole('button', { name: new RegExp(`^${name}: `) });
}

function field(tile: Locator, name: string): Locator {
  return tile.getByRole('textbox', { name, exact: true });
}

async function editText(tile: Locator, name: string, value: string): Promise<void> {
  await text(tile, name).click();
  await field(tile, name).fill(value);
  await field(tile, name).press('Enter');
  await expect(field(tile, name)).toHaveCount(0);
}

test.describe('templates', () => {
  test.use({ expectedErrors: [404, 409, 422] });

  test('are edited inline', async ({ page, server, owner }) => {
    void owner;
    const project = await addProject(page, server);
    server.sql(`insert into project_nodes (project_id, id, name, name_folded, unique_name, created_by, created_at)
      select id, 7, 'Aligner', 'aligner', 'aligner', created_by, 0 from projects where id = '${project}'`);
    await open(page, `/projects/${project}/keys`);
    await expect(page.getByRole('tab', { name: 'API KEYS', selected: true })).toBeVisible();
    await expect(page.getByRole('heading', { name: 'No templates yet' })).toBeVisible();
    await axe(page, 'no templates');
    await expectFitsWidth(page);

    // The name of a new template is opened for editing.
    await page.getByRole('button', { name: 'Add template' }).click();
    const tile = page.getByRole('article').first();
    await expect(field(tile, 'Name')).toBeFocused();
    await page.keyboard.type('Read access');
    await page.keyboard.press('Enter');
    await expect(text(tile, 'Name')).toHaveText('Name: Read access');
    await expect(tile.getByText('Saved')).toBeVisible();
    await expect(text(tile, 'Name')).toBeFocused();
    await expect(page.getByRole('article', { name: 'Read access' })).toBeVisible();

    // Escape restores the saved text.
    await text(tile, 'Name').click();
    await field(tile, 'Name').fill('Something else');
    await page.keyboard.press('Escape');
    await expect(text(tile, 'Name')).toHaveText('Name: Read access');
    await expect(text(tile, 'Name')).toBeFocused();

    // Leaving the field saves. Shift+Enter starts a new line.
    await text(tile, 'Description').press('Enter');
    await page.keyboard.type('Reads runs.');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('Nothing else.');
    await page.keyboard.press('Tab');
    await expect(text(tile, 'Description')).toContainText('Reads runs.\nNothing else.', { useInnerText: true });

    // A rejected value stays, with its error.
    await text(tile, 'Price per request').press('Space');
    await field(tile, 'Price per request').fill('-1');
    await page.keyboard.press('Enter');
    await expect(tile.getByText("A price can't be negative.")).toBeVisible();
    await expect(field(tile, 'Price per request')).toHaveValue('-1');
    await axe(page, 'a rejected price');
    await field(tile, 'Price per request').fill('0.0000001');
    await page.keyboard.press('Enter');
    await expect(tile.getByText('at most six decimal places')).toBeVisible();
    // Could be one, or a thousand.
    await field(tile, 'Price per request').fill('1,000');
    await page.keyboard.press('Enter');
    await expect(tile.getByText('Enter 1000 or 1.000, without a comma.')).toBeVisible();
    await expect(field(tile, 'Price per request')).toHaveValue('1,000');
    await field(tile, 'Price per request').fill('0.0025');
    await page.keyboard.press('Enter');
    await expect(text(tile, 'Price per request')).toContainText('$0.0025');
    await editText(tile, 'Price per request', '0');
    await expect(text(tile, 'Price per request')).toContainText('Free');
    await editText(tile, 'Expiry', '90');
    await expect(text(tile, 'Expiry')).toContainText('90 days');
    await editText(tile, 'Expiry', '');
    await expect(text(tile, 'Expiry')).toContainText('Never');

    // The role is saved when it is selected.
    const role = tile.getByRole('combobox', { name: 'Role' });
    await expect(role).toHaveValue(/^rol_/);
    await role.selectOption({ label: 'Member' });
    await expect(tile.getByText('can’t view the project')).toHaveCount(0);

    // Fields.
    await tile.getByRole('button', { name: 'Add field' }).click();
    await expect(field(tile, 'Field name')).toBeFocused();
    await page.keyboard.type('Project ID');
    await page.keyboard.press('Enter');
    await tile.getByRole('button', { name: 'Insert project ID' }).click();
    await expect(text(tile, 'Value')).toContainText(project);
    await tile.getByRole('button', { name: 'Add field' }).click();
    const second = tile.getByRole('listitem').nth(1);
    await expect(field(second, 'Field name')).toBeFocused();
    await page.keyboard.type('Input Node ID');
    await page.keyboard.press('Enter');
    await editText(second, 'Field description', 'The node that receives samples.');
    await second.getByRole('button', { name: 'Insert node ID' }).click();
    await page.getByRole('dialog').getByLabel('Node').selectOption({ label: 'Aligner (7)' });
    await axe(page, 'the dialog for a node id');
    await page.getByRole('button', { name: 'Insert', exact: true }).click();
    await expect(text(second, 'Value')).toContainText('7');
    await text(second, 'Field name').click();
    await expect(field(second, 'Field name')).toBeFocused();
    await page.keyboard.type('project id');
    await page.keyboard.press('Enter');
    await expect(second.getByText('This template already has a field with this name.')).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(text(second, 'Field name')).toContainText('Input Node ID');

    await page.getByRole('button', { name: 'Add template' }).click();
    await page.keyboard.press('Escape');
    await axe(page, 'templates');
    await expectFitsWidth(page);
    await page.reload();
    await waitForHydration(page);
    await expect(text(tile, 'Name')).toHaveText('Name: Read access');
    await expect(text(tile, 'Description')).toContainText('Reads runs.\nNothing else.', { useInnerText: true });
    await expect(role.locator('option:checked')).toHaveText('Member');
    await expect(text(tile, 'Value').first()).toContainText(project);

    await tile.getByRole('listitem').first().getByRole('button', { name: 'Delete field' }).click();
    await expect(tile.getByRole('listitem')).toHaveCount(1);
    await expect(text(tile, 'Field name')).toBeFocused();
    await tile.getByRole('button', { name: 'Delete template' }).click();
    const confirmation = page.getByRole('alertdialog', { name: 'Delete this template?' });
    await expect(confirmation).toContainText('No keys were issued from it. There are no open requests.');
    await axe(page, 'the confirmation before deleting a template');
    await confirmation.getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByRole('article')).toHaveCount(1);
    await expect(page.getByRole('article', { name: 'New template' })).toBeVisible();
  });

  test('are drafts until their name is saved', { tag: '@once' }, async ({ page, otherPage, server, owner }) => {
    await addRequester(otherPage, server, owner);
    const project = await addProject(page, server);
    await open(page, `/projects/${project}/keys`);
    await open(otherPage, `/projects/${project}`);
    await expect(otherPage.getByRole('heading', { name: 'No keys available yet' })).toBeVisible();
    await page.getByRole('button', { name: 'Add template' }).click();
    const tile = page.getByRole('article').first();
    await page.keyboard.press('Escape');
    await expect(tile.getByText('Draft', { exact: true })).toBeVisible();
    await editText(tile, 'Price per request', '1');
    await axe(page, 'a draft');
    await otherPage.reload();
    await waitForHydration(otherPage);
    await expect(otherPage.getByRole('heading', { name: 'No keys available yet' })).toBeVisible();
    await editText(tile, 'Name', 'Read access');
    await expect(tile.getByText('Draft', { exact: true })).toHaveCount(0);
    await otherPage.reload();
    await waitForHydration(otherPage);
    await expect(otherPage.getByRole('article', { name: 'Read access' }).getByRole('button', { name: 'Request' })).toBeVisible();
  });

  test('get the recommended fields with one click', { tag: '@once' }, async ({ page, server, owner }) => {
    void owner;
    const project = await addProject(page, server);
    await addTemplate(page, server, project, { name: 'Read access' });
    await open(page, `/projects/${project}/keys`);
    await expect(page.getByRole('complementary', { name: 'Tip' })).toContainText('Project ID, Input Node ID and Output Node ID');
    const tile = page.getByRole('article').first();
    await tile.getByRole('button', { name: '+ Project ID' }).click();
    // The value of the new field is open for editing.
    await expect(field(tile, 'Value')).toBeFocused();
    await expect(field(tile, 'Value')).toHaveValue(project);
    await page.keyboard.press('Enter');
    await expect(tile.getByRole('button', { name: '+ Project ID' })).toBeDisabled();
    await tile.getByRole('button', { name: '+ Input Node ID' }).click();
    await expect(field(tile.getByRole('listitem', { name: 'Input Node ID' }), 'Value')).toBeFocused();
    await page.keyboard.type('7');
    await page.keyboard.press('Enter');
    await expect(text(tile.getByRole('listitem', { name: 'Input Node ID' }), 'Value')).toContainText('7');
    await expect(tile.getByRole('button', { name: '+ Output Node ID' })).toBeEnabled();
  });

  test('show a conflict when two users edit the same text', { tag: '@once' }, async ({ page, otherPage, server, owner }) => {
    const project = await addProject(page, server);
    await addTemplate(page, server, project, { name: 'Read access' });
    await authenticate(otherPage.context(), server, owner);
    await open(page, `/projects/${project}/keys`);
    await open(otherPage, `/projects/${project}/keys`);
    const [mine, theirs] = [page.getByRole('article').first(), otherPage.getByRole('article').first()];
    await text(mine, 'Name').click();
    await field(mine, 'Name').fill('Mine');
    await editText(theirs, 'Name', 'Theirs');
    await field(mine, 'Name').press('Enter');
    await expect(mine.getByText('Someone else changed this to “Theirs”.')).toBeVisible();
    await expect(field(mine, 'Name')).toHaveValue('Mine');
    await axe(page, 'a conflict');
    // Enter overwrites the other change.
    await field(mine, 'Name').press('Enter');
    await expect(text(mine, 'Name')).toContainText('Mine');
    await otherPage.reload();
    await waitForHydration(otherPage);
    await expect(text(theirs, 'Name')).toContainText('Mine');
    // Escape keeps it.
    await text(theirs, 'Name').click();
    await field(theirs, 'Name').fill('Theirs again');
    await editText(mine, 'Name', 'Mine again');
    await field(theirs, 'Name').press('Enter');
    await expect(theirs.getByText('Someone else changed this to “Mine again”.')).toBeVisible();
    await field(theirs, 'Name').press('Escape');
    await expect(text(theirs, 'Name')).toContainText('Mine again');
  });

  test('name the role that someone else selected', { tag: '@once' }, async ({ page, server, owner }) => {
    void owner;
    const project = await addProject(page, server);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    await open(page, `/projects/${project}/keys`);
    const tile = page.getByRole('article').first();
    const role = tile.getByRole('combobox', { name: 'Role' });
    const after = await role.locator('option', { hasText: 'admin' }).getAttribute('value');
    await call(page, server, 'templates/edit', { id: template.id, edit: { which: 'role', before: await role.inputValue(), after } });
    await role.selectOption({ label: 'Member' });
    await expect(tile.getByText('Someone else changed this to “Admin”.')).toBeVisible();
  });

  test('lose one field by a double click on Delete field', { tag: '@once' }, async ({ page, server, owner }) => {
    void owner;
    const project = await addProject(page, server);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    for (let n = 0; n < 3; n++) {
      await call(page, server, 'templates/add-field', { template: template.id });
    }
    await open(page, `/projects/${project}/keys`);
    const fields = page.getByRole('article').first().getByRole('listitem');
    await expect(fields).toHaveCount(3);
    await clickTwice(page, fields.first().getByRole('button', { name: 'Delete field' }));
    await expect(fields).toHaveCount(2);
  });

  test('keep unsaved input', { tag: '@once' }, async ({ page, otherPage, server, owner }) => {
    const project = await addProject(page, server);
    server.sql(`insert into project_nodes (project_id, id, name, name_folded, unique_name, created_by, created_at)
      select id, 7, 'Aligner', 'aligner', 'aligner', created_by, 0 from projects where id = '${project}'`);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    const templateField = await call(page, server, 'templates/add-field', { template: template.id });
    await open(page, `/projects/${project}/keys`);
    const tile = page.getByRole('article').first();

    // A node id is inserted at the caret.
    await text(tile, 'Value').click();
    await page.keyboard.type('from  on');
    for (let n = 0; n < 3; n++) {
      await page.keyboard.press('ArrowLeft');
    }
    await tile.getByRole('button', { name: 'Insert node ID' }).click();
    await page.getByRole('button', { name: 'Insert', exact: true }).click();
    await expect(field(tile, 'Value')).toHaveValue('from 7 on');
    await expect(field(tile, 'Value')).toBeFocused();
    await page.keyboard.type('0');
    await expect(field(tile, 'Value')).toHaveValue('from 70 on');

    // Leaving unsaved input needs confirmation.
    const dialogType = new Promise<string>((resolve) => page.once('dialog', (each) => void each.dismiss().then(() => resolve(each.type()))));
    await page.evaluate(() => setTimeout(() => location.reload()));
    expect(await dialogType).toBe('beforeunload');
    await expect(field(tile, 'Value')).toHaveValue('from 70 on');
    await page.keyboard.press('Enter');
    await expect(text(tile, 'Value')).toHaveText('Value: from 70 on');
    await editText(tile, 'Price per request', '1');
    await text(tile, 'Price per request').click();
    await field(tile, 'Price per request').fill('-1');
    await page.keyboard.press('Enter');
    await expect(tile.getByText("A price can't be negative.")).toBeVisible();
    await page.getByRole('link', { name: 'All projects' }).click();
    await page.getByRole('alertdialog', { name: 'Leave with unsaved changes?' }).getByRole('button', { name: 'Stay' }).click();
    await field(tile, 'Price per request').press('Escape');

    // A field that another user deletes during editing disappears, and the page still works.
    await text(tile, 'Value').click();
    await page.keyboard.type('something else');
    await authenticate(otherPage.context(), server, owner);
    await call(otherPage, server, 'templates/delete-field', { id: templateField.id });
    await page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await expect(tile.getByRole('listitem')).toHaveCount(0);
    await editText(tile, 'Description', 'Still here.');
    await expect(text(tile, 'Description')).toContainText('Still here.');
    await page.getByRole('link', { name: 'All projects' }).click();
    await expect(page).toHaveURL('/projects');
  });

  test('offer permitted roles and warn of one that is too weak', { tag: '@once' }, async ({ page, server, owner }) => {
    await call(page, server, 'roles/create', { name: 'blind', permissions: [] });
    const member = server.addUser('member', owner.organization, 'Grace Hopper');
    await switchUser(page, server, member);
    const project = await addProject(page, server);
    await addTemplate(page, server, project);
    await open(page, `/projects/${project}/keys`);
    const tile = page.getByRole('article').first();
    const role = tile.getByRole('combobox', { name: 'Role' });
    await expect(role.locator('option')).toHaveText(['Member', 'Viewer', 'blind']);
    await role.selectOption({ label: 'blind' });
    await expect(tile.getByText('This role can’t view the project, so its keys will be refused.')).toBeVisible();
    await axe(page, 'a role without view permission');
    await role.selectOption({ label: 'Viewer' });
    await expect(tile.getByText('This role can’t view the project, so its keys will be refused.')).toHaveCount(0);
  });

  test('have a logical tab order', { tag: '@once' }, async ({ page, server, owner }) => {
    void owner;
    const project = await addProject(page, server);
    await addTemplate(page, server, project, { name: 'Read access' });
    await open(page, `/projects/${project}/keys`);
    const tile = page.getByRole('article').first();
    await text(tile, 'Name').focus();
    const focused: string[] = [];
    for (let n = 0; n < 11; n++) {
      focused.push(await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? ''));
      await page.keyboard.press('Tab');
    }
    expect(focused).toEqual([
      'Name: Read access',
      'Delete template',
      'Description: Add a description',
      'Role',
      'Price per request: Free',
      'Expiry: Never',
      'Add field',
      '+ Project ID',
      '+ Input Node ID',
      '+ Output Node ID',
      'Add template',
    ]);
  });
});

test.describe('requests', () => {
  test.use({ expectedErrors: [409, 422] });

  test('are created, withdrawn, approved and rejected', async ({ page, otherPage, server, owner }) => {
    await addRequester(otherPage, server, owner);
    const project = await addProject(page, server);
    const fields = { description: 'Reads the runs of this project.', price: '0.0025', duration_days: '90' };
    await addTemplate(page, server, project, { name: 'Read access', ...fields });
    await addTemplate(page, server, project, { name: 'Upload', description: 'Sends samples.' });
    await open(page, `/projects/${project}/keys`);
    await expect(page.getByText('No pending requests.')).toBeVisible();

    await open(otherPage, `/projects/${project}`);
    await expect(otherPage.getByRole('heading', { name: 'API Keys', exact: true })).toBeVisible();
    const card = otherPage.getByRole('article', { name: 'Read access' });
    await expect(card).toContainText('View Project');
    await expect(card).toContainText('0.0025');
    await axe(otherPage, 'templates that can be requested');
    await expectFitsWidth(otherPage);
    await card.getByRole('button', { name: 'Request' }).click();
    await expect(card).toContainText('Waiting for approval');
    await expect(card.getByRole('button', { name: 'Withdraw' })).toBeFocused();
    // With the keyboard: a click at the same place would count as a double click.
    await card.getByRole('button', { name: 'Withdraw' }).press('Enter');
    await expect(card.getByRole('button', { name: 'Request' })).toBeFocused();
    await card.getByRole('button', { name: 'Request' }).press('Enter');
    await expect(card).toContainText('Waiting for approval');
    const uploadCard = otherPage.getByRole('article', { name: 'Upload' });
    await uploadCard.getByRole('button', { name: 'Request' }).click();
    await expect(uploadCard).toContainText('Waiting for approval');
    await axe(otherPage, 'open requests');

    // The manager sees the requests without a reload.
    const requests = page.getByRole('table', { name: 'Requests' });
    const requestRow = (template: string) => requests.getByRole('row').filter({ hasText: template });
    await expect(requestRow('Read access')).toContainText('Mia Chen');
    await expect(page.getByRole('tab', { name: 'API KEYS' })).toContainText('2');
    await axe(page, 'requests');
    await expectFitsWidth(page);
    await expect(requestRow('Read access')).toContainText(/Viewer · \S+0\.0025 per request · Expires after 90 days/);
    await expect(requestRow('Upload')).toContainText('Viewer · Free · Never expires');
    await requestRow('Read access').getByRole('button', { name: 'Approve' }).click();
    await expect(requestRow('Read access').getByText('Approved'), 'not the next Approve').toBeFocused();
    await expect(requestRow('Read access').getByRole('button')).toHaveCount(0);
    await axe(page, 'an approved request');
    await requestRow('Upload').getByRole('button', { name: 'Reject' }).click();
    await axe(page, 'the rejection dialog');
    await page.getByRole('alertdialog').getByLabel('Message').fill('Not before May.');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Reject' }).click();
    await expect(requestRow('Upload').getByText('Rejected')).toBeFocused();
    // They stay until the pointer leaves the list.
    await requests.hover();
    await page.getByRole('heading', { level: 1 }).hover();
    await expect(page.getByText('No pending requests.')).toBeVisible();
    await expect(page.getByRole('heading', { name: 'Requests' })).toBeFocused();
    await expect(page.getByRole('tab', { name: 'API KEYS' }).locator('.badge')).toHaveCount(0);

    // The requester sees the decisions without a reload.
    await expect(card).toContainText('Confirmed');
    await expect(card).toContainText('Received');
    await expect(uploadCard).toContainText('Rejected');
    await expect(uploadCard).toContainText('Not before May.');
    await expect(uploadCard.getByRole('button', { name: 'Request' })).toBeVisible();
    await axe(otherPage, 'decided requests');
    await expectFitsWidth(otherPage);

    await card.getByRole('button', { name: 'Reveal key' }).click();
    const dialog = otherPage.getByRole('dialog');
    await expect(dialog.getByRole('textbox', { name: 'Secret key' })).toHaveText(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    const token = (await dialog.getByRole('textbox', { name: 'Secret key' }).textContent()) ?? '';
    await axe(otherPage, 'a revealed key');
    // Closing the pop-up without copying needs confirmation.
    await otherPage.keyboard.press('Escape');
    await expect(dialog.getByText('You haven’t copied this key.')).toBeVisible();
    await dialog.getByRole('button', { name: 'Close without copying' }).click();
    await expect(card).toContainText('Revealed');
    await expect(card.getByRole('button', { name: 'Reveal key' })).toHaveCount(0);
    await expect(card.getByRole('button', { name: 'Import into a project…' })).toBeFocused();
    expect(await page.content()).not.toContain(token);
    await otherPage.reload();
    await waitForHydration(otherPage);
    expect(await otherPage.content()).not.toContain(token);
    expect(server.log).not.toContain(token);

    // After revocation, the key can be requested again. Deleting the template closes the request.
    server.sql(`update api_keys set revoked_at = ${Date.now()} where kind = 'project' and created_by = (select id from users where name = 'Mia Chen' order by created_at desc limit 1)`);
    await otherPage.reload();
    await waitForHydration(otherPage);
    await expect(card).toContainText('Revoked');
    await card.getByRole('button', { name: 'Request' }).click();
    await expect(card).toContainText('Waiting for approval');
    await expect(requestRow('Read access')).toBeVisible();
    // Renaming the template does not affect the request.
    await editText(page.getByRole('article', { name: 'Read access' }), 'Name', 'Reading');
    await page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await expect(requestRow('Reading')).toBeVisible();
    await page.getByRole('article', { name: 'Reading' }).getByRole('button', { name: 'Delete template' }).click();
    await expect(page.getByRole('alertdialog')).toContainText('1 open request will be rejected and the requester notified.');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    // The dialog was above the list, where the pointer is now.
    await page.getByRole('heading', { level: 1 }).hover();
    await expect(requestRow('Reading')).toHaveCount(0);
    await expect(otherPage.getByRole('article', { name: /^Read/ })).toHaveCount(0);
  });

  test('end with a key imported into another project', { tag: '@widths' }, async ({ page, otherPage, server, owner }) => {
    await addRequester(otherPage, server, owner);
    const project = await addProject(page, server);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    const templateField = await call(page, server, 'templates/add-field', { template: template.id });
    for (const [which, before, after] of [['name', 'New field', 'Project ID'], ['value', '', project]]) {
      await call(page, server, 'templates/edit-field', { id: templateField.id, edit: { which, before, after } });
    }
    await call(otherPage, server, 'access-requests/create', { template: template.id });
    const request = (await call(page, server, 'templates/page', { project })).requests[0];
    await call(page, server, 'access-requests/approve', { id: request.id });

    // The import needs another project.
    await open(otherPage, `/projects/${project}`);
    const tile = otherPage.getByRole('article', { name: 'Read access' });
    await tile.getByRole('button', { name: 'Import into a project…' }).click();
    const dialog = otherPage.getByRole('dialog', { name: 'Import into a project' });
    await expect(dialog).toContainText('You don’t manage any projects yet.');
    await axe(otherPage, 'no project to import into');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    const ownProject = await addProject(otherPage, server, 'My pipeline');
    await call(otherPage, server, 'projects/create-secret', { id: ownProject, name: 'mine_token', value: 'older' });

    // The names are shown while typing. A name that is taken is rejected, without revealing the key.
    await tile.getByRole('button', { name: 'Import into a project…' }).click();
    await expect(dialog.getByLabel('Prefix')).toHaveValue('read_access');
    const names = dialog.getByRole('list', { name: 'Secrets' }).getByRole('listitem');
    await expect(names).toHaveText(['read_access_token', 'read_access_project_id']);
    await dialog.getByLabel('Prefix').fill('9 lives');
    await expect(names).toHaveCount(0);
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(dialog.locator('[aria-invalid]')).toHaveCount(1);
    await expect(dialog.getByText('Use letters without accents')).toHaveCount(1);
    await dialog.getByLabel('Prefix').fill('mine');
    await expect(names).toHaveText([/mine_token\s*Already exists/, 'mine_project_id']);
    await axe(otherPage, 'an import with a name that is taken');
    await expectFitsWidth(otherPage);
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(dialog.getByText('The project already has a secret mine_token.')).toBeVisible();
    await expect(tile).not.toContainText('Revealed');
    await dialog.getByLabel('Prefix').fill('genomics');
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(otherPage.getByText('2 secrets imported')).toBeVisible();
    await expect(tile).toContainText('Revealed');
    await expect(tile).toContainText('Lost it? Ask a project manager to revoke it, then request a new key.');

    // After a reload, another import needs the token as input.
    await otherPage.reload();
    await waitForHydration(otherPage);
    await tile.getByRole('button', { name: 'Import into a project…' }).click();
    await dialog.getByLabel('API key').fill('eyJ.nonsense');
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(dialog.getByText('This is not the token of this key.')).toBeVisible();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await open(otherPage, `/projects/${ownProject}`);
    await expect(otherPage.getByRole('row', { name: 'genomics_token' })).toBeVisible();
    await expect(otherPage.getByRole('row', { name: 'genomics_project_id' })).toBeVisible();
  });

  test('end with a key whose import fails with a reason', { tag: '@once' }, async ({ page, otherPage, server, owner }) => {
    const requester = await addRequester(otherPage, server, owner);
    const project = await addProject(page, server);
    await addProject(otherPage, server, 'My pipeline');
    const updateKey = (values: string, name: string) =>
      server.sql(`update api_keys set ${values} where kind = 'project' and name = '${name}'
        and created_by = (select id from users where email = '${requester.email}')`);
    for (const name of ['Read access', 'Upload']) {
      const template = await addTemplate(page, server, project, { name });
      await call(otherPage, server, 'access-requests/create', { template: template.id });
    }
    for (const { id } of (await call(page, server, 'templates/page', { project })).requests) {
      await call(page, server, 'access-requests/approve', { id });
    }
    await open(otherPage, `/projects/${project}`);
    const [tile, other] = ['Read access', 'Upload'].map((name) => otherPage.getByRole('article', { name }));
    const dialog = otherPage.getByRole('dialog', { name: 'Import into a project' });

    // Revoked before it was revealed: the form shows the error.
    updateKey(`revoked_at = ${Date.now()}`, 'Upload');
    await other.getByRole('button', { name: 'Import into a project…' }).click();
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(dialog.getByRole('alert')).toContainText('This key is expired or revoked.');
    await dialog.getByRole('button', { name: 'Cancel' }).click();

    // Disabled before the import: the key is revealed, and shown with the reason.
    updateKey(`disabled_at = ${Date.now()}`, 'Read access');
    await tile.getByRole('button', { name: 'Import into a project…' }).click();
    await dialog.getByRole('button', { name: 'Import' }).click();
    const popUp = otherPage.getByRole('dialog', { name: 'Copy your new key' });
    await expect(popUp.getByRole('alert')).toContainText('Import failed: This key is disabled.');
    await expect(popUp.getByRole('textbox', { name: 'Secret key' })).toHaveText(/^eyJ/);
    await axe(otherPage, 'a failed import');
    await otherPage.keyboard.press('Escape');
    await expect(popUp).toContainText('you can still import it until you leave');
    await popUp.getByRole('button', { name: 'Close without copying' }).click();
    await expect(tile).toContainText('can’t be used or imported until re-enabled');
    await expect(tile.getByRole('button', { name: 'Import into a project…' })).toBeDisabled();
  });

  test('are approved together', { tag: '@widths' }, async ({ page, otherPage, server, owner }) => {
    const project = await addProject(page, server);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    for (const name of ['Mia Chen', 'Bo Li', 'Grace Hopper']) {
      await addRequester(otherPage, server, owner, name);
      await call(otherPage, server, 'access-requests/create', { template: template.id });
    }
    await open(page, `/projects/${project}/keys`);
    const selection = page.getByRole('group', { name: 'Selected requests' });
    await expect(selection.getByRole('button', { name: 'Approve selected' })).toBeDisabled();
    await page.getByRole('checkbox', { name: 'Select Mia Chen' }).check();
    await page.getByRole('checkbox', { name: 'Select Bo Li' }).check();
    await expect(selection).toContainText('2 selected');
    await axe(page, 'selected requests');
    await expectFitsWidth(page);
    await selection.getByRole('button', { name: 'Approve 2' }).click();
    await expect(page.getByText('2 requests approved')).toBeVisible();
    for (const name of ['Mia Chen', 'Bo Li']) {
      await expect(page.getByRole('row', { name })).toContainText('Approved');
    }
    await expect(page.getByRole('row', { name: 'Grace Hopper' }).getByRole('button', { name: 'Approve' })).toBeVisible();
    expect((await call(page, server, 'templates/page', { project })).requests).toHaveLength(1);
  });

  test('are marked when a notification leads to them', { tag: '@once' }, async ({ page, otherPage, server, owner }) => {
    const project = await addProject(page, server);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    await open(page, '/profile');
    await addRequester(otherPage, server, owner);
    await call(otherPage, server, 'access-requests/create', { template: template.id });
    await page.getByRole('button', { name: 'Notifications, 1 unread' }).click();
    await page.getByRole('link', { name: /Mia Chen requested “Read access”/ }).click();
    await page.waitForURL(new RegExp(`/projects/${project}/keys\\?request=ask_\\w+#requests$`));
    await expect(page.getByRole('row', { name: 'Mia Chen' })).toHaveClass(/request-marked/);
    await expect(page.getByRole('heading', { name: 'Requests' })).toBeFocused();
  });

  test('that were withdrawn cannot be approved', { tag: '@once' }, async ({ page, otherPage, server, owner }) => {
    await addRequester(otherPage, server, owner);
    const project = await addProject(page, server);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    await call(otherPage, server, 'access-requests/create', { template: template.id });
    // The withdrawal event does not arrive.
    await page.route('**/events', () => undefined);
    await open(page, `/projects/${project}/keys`);
    const request = page.getByRole('row').filter({ hasText: 'Mia Chen' });
    await expect(request).toBeVisible();
    const { tiles } = await call(otherPage, server, 'access-requests/cards', { project });
    await call(otherPage, server, 'access-requests/withdraw', { id: tiles[0].pending.id });
    await request.getByRole('button', { name: 'Approve' }).click();
    await expect(page.getByRole('alert')).toContainText('Mia Chen withdrew this request.');
    await expect(request).toContainText('No longer pending');
    await page.getByRole('heading', { level: 1 }).hover();
    await expect(request).toHaveCount(0);
  });
});

test.describe('repeated clicks and failed requests', { tag: '@once' }, () => {
  test.use({ expectedErrors: [403, 503] });

  /** Requests the keys of a new template as this many members. Returns the project. */
  async function requestAs(page: Page, otherPage: Page, server: Server, owner: User, names: string[]): Promise<string> {
    const project = await addProject(page, server);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    for (const name of names) {
      await addRequester(otherPage, server, owner, name);
      await call(otherPage, server, 'access-requests/create', { template: template.id });
    }
    return project;
  }

  test('approve one request', async ({ page, otherPage, server, owner }) => {
    const project = await requestAs(page, otherPage, server, owner, ['Mia Chen', 'Bo Li', 'Grace Hopper', 'Zoe May']);
    const pending = async () => (await call(page, server, 'templates/page', { project })).requests.length;
    await open(page, `/projects/${project}/keys`);
    const approve = page.getByRole('table', { name: 'Requests' }).getByRole('button', { name: 'Approve' });
    await expect(approve).toHaveCount(4);
    await clickTwice(page, approve.first());
    await expect(approve).toHaveCount(3);
    expect(await pending()).toBe(3);

    // A held key.
    await approve.first().focus();
    for (let n = 0; n < 8; n++) {
      await page.keyboard.down('Enter');
      await page.waitForTimeout(100);
    }
    await page.keyboard.up('Enter');
    await expect(approve).toHaveCount(2);
    expect(await pending()).toBe(2);
  });

  test('do not withdraw a new request', async ({ page, otherPage, server, owner }) => {
    const project = await addProject(page, server);
    await addTemplate(page, server, project, { name: 'Read access' });
    await addTemplate(page, server, project, { name: 'Upload', description: 'Sends samples. '.repeat(30) });
    await addRequester(otherPage, server, owner);
    await open(otherPage, `/projects/${project}`);
    const tile = otherPage.getByRole('article', { name: 'Read access' });
    await clickTwice(otherPage, tile.getByRole('button', { name: 'Request' }));
    await expect(tile).toContainText('Waiting for approval');
    expect((await call(page, server, 'templates/page', { project })).requests).toHaveLength(1);
  });

  test('leave no error after a decision that succeeded', async ({ page, otherPage, server, owner }) => {
    const project = await requestAs(page, otherPage, server, owner, ['Mia Chen']);
    await open(page, `/projects/${project}/keys`);
    await page.route('**/fn/access-requests/approve*', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    const request = page.getByRole('row').filter({ hasText: 'Mia Chen' });
    await request.getByRole('button', { name: 'Approve' }).click();
    await expect(page.getByRole('alert').filter({ hasText: 'can\'t reach its database' })).toBeVisible();
    await request.getByRole('button', { name: 'Reject' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Reject' }).click();
    await expect(request).toContainText('Rejected');
    await expect(page.getByRole('alert').filter({ hasText: 'can\'t reach its database' })).toHaveCount(0);
  });

  test('name the permission that a manager lacks', async ({ page, otherPage, server, owner }) => {
    await switchUser(page, server, server.addUser('member', owner.organization, 'Grace Hopper'));
    const project = await requestAs(page, otherPage, server, owner, ['Mia Chen']);
    server.sql(`update key_templates set role_id = (select r.id from roles r, projects p
      where r.organization_id = p.organization_id and r.name = 'admin' and p.id = '${project}') where project_id = '${project}'`);
    await open(page, `/projects/${project}/keys`);
    await page.getByRole('button', { name: 'Approve' }).click();
    await expect(page.getByRole('alert')).toContainText('You can’t give this role, because you lack its permission');
  });

  test('show a decision whose first load failed', async ({ page, otherPage, server, owner }) => {
    const project = await requestAs(page, otherPage, server, owner, ['Mia Chen']);
    await open(otherPage, `/projects/${project}`);
    const tile = otherPage.getByRole('article', { name: 'Read access' });
    await expect(tile).toContainText('Waiting for approval');
    await otherPage.route('**/fn/access-requests/cards*', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }), { times: 1 });
    const [request] = (await call(page, server, 'templates/page', { project })).requests;
    await call(page, server, 'access-requests/approve', { id: request.id });
    await expect(tile).toContainText('Confirmed');
    await expect(otherPage.getByRole('alert').filter({ hasText: 'can\'t reach its database' })).toHaveCount(0);
  });

  test('count a new request in the list of projects', async ({ page, otherPage, server, owner }) => {
    const project = await addProject(page, server);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    await open(page, '/projects');
    const requests = page.getByRole('row', { name: 'Genomics' }).getByRole('cell').last();
    await expect(requests).toHaveText('None');
    await addRequester(otherPage, server, owner);
    await call(otherPage, server, 'access-requests/create', { template: template.id });
    await expect(requests).toContainText('1');
  });
});
