// Templates designed in place, and the requests for them: who manages a project in one browser, somebody who wants its keys in another.

import type { Locator, Page } from '@playwright/test';
import { admit, admitInstead, axe, expect, fitsWidth, live, open, test } from './fixtures';
import type { Person, Server } from './server';

/** Calls a server function as whoever is signed in. */
async function call(page: Page, server: Server, name: string, data: unknown): Promise<any> {
  const answer = await page.context().request.post(`${server.url}/fn/${name}`, { data, headers: { origin: server.url } });
  expect(answer.status(), await answer.text()).toBe(200);
  return answer.json();
}

/** A project that everyone in the organization sees. Answers its id. */
async function addProject(page: Page, server: Server, name = 'Genomics'): Promise<string> {
  const wanted = { name, description: '', visibility: 'organization' };
  return (await call(page, server, 'projects/create', { wanted })).id;
}

/** A template of a project. Answers it. */
async function addTemplate(page: Page, server: Server, project: string, values: Record<string, string> = {}): Promise<any> {
  const made = await call(page, server, 'templates/create', { project });
  const before: Record<string, string> = { name: made.name, description: '', price: '0', duration_days: '' };
  for (const [which, after] of Object.entries(values)) {
    await call(page, server, 'templates/edit', { id: made.id, edit: { which, before: before[which], after } });
  }
  return made;
}

/** Somebody of the same organization, signed in in the other browser. */
async function addAsker(stranger: Page, server: Server, owner: Person, name = 'Mia Chen'): Promise<Person> {
  const asker = server.addPerson('member', owner.organization, name);
  await admit(stranger.context(), server, asker);
  return asker;
}

/** A text that is edited in place. */
function text(tile: Locator, name: string): Locator {
  return tile.getByRole('button', { name: new RegExp(`^${name}: `) });
}

function field(tile: Locator, name: string): Locator {
  return tile.getByRole('textbox', { name, exact: true });
}

async function write(tile: Locator, name: string, value: string): Promise<void> {
  await text(tile, name).click();
  await field(tile, name).fill(value);
  await field(tile, name).press('Enter');
  await expect(field(tile, name)).toHaveCount(0);
}

async function picture(page: Page, name: string, project: string): Promise<void> {
  if (process.env.PICTURES) {
    await page.screenshot({ path: `${process.env.PICTURES}/${project}-${name}.png`, fullPage: true });
  }
}

test.describe('templates', () => {
  test.use({ refusals: [404, 409, 422] });

  test('are designed in place', async ({ page, server, owner }, info) => {
    void owner;
    const project = await addProject(page, server);
    server.sql(`insert into nodes (project_id, id, name, name_folded, unique_name, created_by, created_at)
      select id, 7, 'Aligner', 'aligner', 'aligner', created_by, 0 from projects where id = '${project}'`);
    await open(page, `/projects/${project}/keys`);
    await expect(page.getByRole('tab', { name: 'API KEYS', selected: true })).toBeVisible();
    await expect(page.getByRole('heading', { name: 'No templates yet' })).toBeVisible();
    await axe(page, 'no templates');
    await fitsWidth(page);
    await picture(page, 'keys-empty', info.project.name);

    // A new one opens its name.
    await page.getByRole('button', { name: 'Add template' }).click();
    const tile = page.getByRole('article').first();
    await expect(field(tile, 'Name')).toBeFocused();
    await page.keyboard.type('Read access');
    await page.keyboard.press('Enter');
    await expect(text(tile, 'Name')).toHaveText('Name: Read access');
    await expect(tile.getByText('Saved')).toBeVisible();
    await expect(text(tile, 'Name')).toBeFocused();
    await expect(page.getByRole('article', { name: 'Read access' })).toBeVisible();

    // Escape puts back what stood there.
    await text(tile, 'Name').click();
    await field(tile, 'Name').fill('Something else');
    await page.keyboard.press('Escape');
    await expect(text(tile, 'Name')).toHaveText('Name: Read access');
    await expect(text(tile, 'Name')).toBeFocused();

    // Leaving saves; shift and Enter begins a line.
    await text(tile, 'Description').press('Enter');
    await page.keyboard.type('Reads runs.');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('Nothing else.');
    await page.keyboard.press('Tab');
    await expect(text(tile, 'Description')).toContainText('Reads runs.\nNothing else.', { useInnerText: true });

    // What was refused stays, with what is wrong with it.
    await text(tile, 'Price per request').press('Space');
    await field(tile, 'Price per request').fill('-1');
    await page.keyboard.press('Enter');
    await expect(tile.getByText("A price can't be negative.")).toBeVisible();
    await expect(field(tile, 'Price per request')).toHaveValue('-1');
    await axe(page, 'a price that was refused');
    await picture(page, 'keys-refused', info.project.name);
    await field(tile, 'Price per request').fill('0.0000001');
    await page.keyboard.press('Enter');
    await expect(tile.getByText('at most six decimal places')).toBeVisible();
    await field(tile, 'Price per request').fill('0.0025');
    await page.keyboard.press('Enter');
    await expect(text(tile, 'Price per request')).toContainText('0.0025 USD');
    await write(tile, 'Expiry', '90');
    await expect(text(tile, 'Expiry')).toContainText('90 days');
    await write(tile, 'Expiry', '');
    await expect(text(tile, 'Expiry')).toContainText('Never');

    // The role is saved on choice.
    const role = tile.getByRole('combobox', { name: 'Role' });
    await expect(role).toHaveValue(/^rol_/);
    await role.selectOption({ label: 'member' });
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
    await write(second, 'Field description', 'Where samples go in.');
    await second.getByRole('button', { name: 'Insert node ID' }).click();
    await page.getByRole('dialog').getByLabel('Node').selectOption({ label: 'Aligner (7)' });
    await axe(page, 'the choice of a node');
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
    await fitsWidth(page);
    await page.reload();
    await live(page);
    await expect(text(tile, 'Name')).toHaveText('Name: Read access');
    await expect(text(tile, 'Description')).toContainText('Reads runs.\nNothing else.', { useInnerText: true });
    await expect(role.locator('option:checked')).toHaveText('member');
    await expect(text(tile, 'Value').first()).toContainText(project);
    await picture(page, 'keys', info.project.name);

    await tile.getByRole('listitem').first().getByRole('button', { name: 'Delete field' }).click();
    await expect(tile.getByRole('listitem')).toHaveCount(1);
    await expect(text(tile, 'Field name')).toBeFocused();
    await tile.getByRole('button', { name: 'Delete template' }).click();
    const asked = page.getByRole('alertdialog', { name: 'Delete this template?' });
    await expect(asked).toContainText('No keys were issued from it. There are no open requests.');
    await axe(page, 'the question before a template is deleted');
    await asked.getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByRole('article')).toHaveCount(1);
    await expect(page.getByRole('article', { name: 'New template' })).toBeVisible();
  });

  test('are not overwritten unseen by two who edit at once', { tag: '@once' }, async ({ page, stranger, server, owner }) => {
    const project = await addProject(page, server);
    await addTemplate(page, server, project, { name: 'Read access' });
    await admit(stranger.context(), server, owner);
    await open(page, `/projects/${project}/keys`);
    await open(stranger, `/projects/${project}/keys`);
    const [mine, theirs] = [page.getByRole('article').first(), stranger.getByRole('article').first()];
    await text(mine, 'Name').click();
    await field(mine, 'Name').fill('Mine');
    await write(theirs, 'Name', 'Theirs');
    await field(mine, 'Name').press('Enter');
    await expect(mine.getByText('Someone else changed this to “Theirs”.')).toBeVisible();
    await expect(field(mine, 'Name')).toHaveValue('Mine');
    await axe(page, 'a conflict');
    // Once seen, it may be overwritten.
    await field(mine, 'Name').press('Enter');
    await expect(text(mine, 'Name')).toContainText('Mine');
    await stranger.reload();
    await live(stranger);
    await expect(text(theirs, 'Name')).toContainText('Mine');
    // Or kept.
    await text(theirs, 'Name').click();
    await field(theirs, 'Name').fill('Theirs again');
    await write(mine, 'Name', 'Mine again');
    await field(theirs, 'Name').press('Enter');
    await expect(theirs.getByText('“Mine again” meanwhile')).toBeVisible();
    await field(theirs, 'Name').press('Escape');
    await expect(text(theirs, 'Name')).toContainText('Mine again');
  });

  test('are guarded while they are edited', { tag: '@once' }, async ({ page, stranger, server, owner }) => {
    const project = await addProject(page, server);
    server.sql(`insert into nodes (project_id, id, name, name_folded, unique_name, created_by, created_at)
      select id, 7, 'Aligner', 'aligner', 'aligner', created_by, 0 from projects where id = '${project}'`);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    const made = await call(page, server, 'templates/add-field', { template: template.id });
    await open(page, `/projects/${project}/keys`);
    const tile = page.getByRole('article').first();

    // A node's id goes where the caret is.
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

    // What is not saved is not left unasked.
    const asked = new Promise<string>((heard) => page.once('dialog', (each) => void each.dismiss().then(() => heard(each.type()))));
    await page.evaluate(() => setTimeout(() => location.reload()));
    expect(await asked).toBe('beforeunload');
    await expect(field(tile, 'Value')).toHaveValue('from 70 on');
    await page.keyboard.press('Enter');
    await expect(text(tile, 'Value')).toHaveText('Value: from 70 on');
    await write(tile, 'Price per request', '1');
    await text(tile, 'Price per request').click();
    await field(tile, 'Price per request').fill('-1');
    await page.keyboard.press('Enter');
    await expect(tile.getByText("A price can't be negative.")).toBeVisible();
    await page.getByRole('link', { name: 'All projects' }).click();
    await page.getByRole('alertdialog', { name: 'Leave with unsaved changes?' }).getByRole('button', { name: 'Stay' }).click();
    await field(tile, 'Price per request').press('Escape');

    // A field that another deletes while one types in it is gone, and the page goes on.
    await text(tile, 'Value').click();
    await page.keyboard.type('something else');
    await admit(stranger.context(), server, owner);
    await call(stranger, server, 'templates/delete-field', { id: made.id });
    await page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await expect(tile.getByRole('listitem')).toHaveCount(0);
    await write(tile, 'Description', 'Still here.');
    await expect(text(tile, 'Description')).toContainText('Still here.');
    await page.getByRole('link', { name: 'All projects' }).click();
    await expect(page).toHaveURL('/projects');
  });

  test('warn of a role that sees nothing, and offer none above the author', { tag: '@once' }, async ({ page, server, owner }) => {
    await call(page, server, 'roles/create', { name: 'blind', permissions: [] });
    const member = server.addPerson('member', owner.organization, 'Grace Hopper');
    await admitInstead(page, server, member);
    const project = await addProject(page, server);
    await addTemplate(page, server, project);
    await open(page, `/projects/${project}/keys`);
    const tile = page.getByRole('article').first();
    const role = tile.getByRole('combobox', { name: 'Role' });
    await expect(role.locator('option')).toHaveText(['member', 'viewer', 'blind']);
    await role.selectOption({ label: 'blind' });
    await expect(tile.getByText('This role can’t view the project, so its keys will be refused.')).toBeVisible();
    await axe(page, 'a warning');
    await role.selectOption({ label: 'viewer' });
    await expect(tile.getByText('This role can’t view the project, so its keys will be refused.')).toHaveCount(0);
  });

  test('are designed with the keyboard alone', { tag: '@once' }, async ({ page, server, owner }) => {
    void owner;
    const project = await addProject(page, server);
    await addTemplate(page, server, project, { name: 'Read access' });
    await open(page, `/projects/${project}/keys`);
    const tile = page.getByRole('article').first();
    await text(tile, 'Name').focus();
    const reached: string[] = [];
    for (let n = 0; n < 8; n++) {
      reached.push(await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? ''));
      await page.keyboard.press('Tab');
    }
    expect(reached).toEqual([
      'Name: Read access',
      'Delete template',
      'Description: Add a description',
      'Role',
      'Price per request: 0 USD',
      'Expiry: Never',
      'Add field',
      'Add template',
    ]);
  });
});

test.describe('requests', () => {
  test.use({ refusals: [409, 422] });

  test('are made, withdrawn, approved and rejected', async ({ page, stranger, server, owner }, info) => {
    await addAsker(stranger, server, owner);
    const project = await addProject(page, server);
    const fields = { description: 'Reads the runs of this project.', price: '0.0025', duration_days: '90' };
    await addTemplate(page, server, project, { name: 'Read access', ...fields });
    await addTemplate(page, server, project, { name: 'Upload', description: 'Sends samples.' });
    await open(page, `/projects/${project}/keys`);
    await expect(page.getByText('No pending requests.')).toBeVisible();

    await open(stranger, `/projects/${project}`);
    await expect(stranger.getByRole('heading', { name: 'API Keys', exact: true })).toBeVisible();
    const offered = stranger.getByRole('article', { name: 'Read access' });
    await expect(offered).toContainText('View Project');
    await expect(offered).toContainText('0.0025');
    await axe(stranger, 'what may be requested');
    await fitsWidth(stranger);
    await picture(stranger, 'tiles-open', info.project.name);
    await offered.getByRole('button', { name: 'Request' }).click();
    await expect(offered).toContainText('Waiting for approval');
    await expect(offered.getByRole('button', { name: 'Withdraw' })).toBeFocused();
    await offered.getByRole('button', { name: 'Withdraw' }).click();
    await expect(offered.getByRole('button', { name: 'Request' })).toBeFocused();
    await offered.getByRole('button', { name: 'Request' }).click();
    await expect(offered).toContainText('Waiting for approval');
    const upload = stranger.getByRole('article', { name: 'Upload' });
    await upload.getByRole('button', { name: 'Request' }).click();
    await expect(upload).toContainText('Waiting for approval');
    await axe(stranger, 'what waits');
    await picture(stranger, 'tiles-waiting', info.project.name);

    // Who decides hears of it at once.
    const requests = page.getByRole('table', { name: 'Requests' });
    const of = (template: string) => requests.getByRole('row').filter({ hasText: template });
    await expect(of('Read access')).toContainText('Mia Chen');
    await expect(page.getByRole('tab', { name: 'API KEYS' })).toContainText('2');
    await axe(page, 'requests');
    await fitsWidth(page);
    await picture(page, 'requests', info.project.name);
    await of('Read access').getByRole('button', { name: 'Approve' }).click();
    await expect(of('Read access')).toHaveCount(0);
    await expect(of('Upload').getByRole('button', { name: 'Approve' })).toBeFocused();
    await of('Upload').getByRole('button', { name: 'Reject' }).click();
    await axe(page, 'the dialog that rejects');
    await page.getByRole('dialog').getByLabel('Message').fill('Not before May.');
    await picture(page, 'reject', info.project.name);
    await page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
    await expect(page.getByText('No pending requests.')).toBeVisible();
    await expect(page.getByRole('heading', { name: 'Requests' })).toBeFocused();
    await expect(page.getByRole('tab', { name: 'API KEYS' }).locator('.badge')).toHaveCount(0);

    // So does who asked.
    await expect(offered).toContainText('Confirmed');
    await expect(offered).toContainText('Received');
    await expect(upload).toContainText('Rejected');
    await expect(upload).toContainText('Not before May.');
    await expect(upload.getByRole('button', { name: 'Request' })).toBeVisible();
    await axe(stranger, 'what was decided');
    await fitsWidth(stranger);
    await picture(stranger, 'tiles-decided', info.project.name);

    await offered.getByRole('button', { name: 'Reveal key' }).click();
    const dialog = stranger.getByRole('dialog');
    await expect(dialog.getByRole('textbox', { name: 'Secret key' })).toHaveText(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    const token = (await dialog.getByRole('textbox', { name: 'Secret key' }).textContent()) ?? '';
    await axe(stranger, 'a key that is revealed');
    await picture(stranger, 'revealed', info.project.name);
    // It asks before it is closed uncopied.
    await stranger.keyboard.press('Escape');
    await expect(dialog.getByText('You haven’t copied this key.')).toBeVisible();
    await dialog.getByRole('button', { name: 'Close without copying' }).click();
    await expect(offered).toContainText('Revealed');
    await expect(offered.getByRole('button', { name: 'Reveal key' })).toHaveCount(0);
    await expect(offered.getByRole('button', { name: 'Import into a project…' })).toBeFocused();
    expect(await page.content()).not.toContain(token);
    await stranger.reload();
    await live(stranger);
    expect(await stranger.content()).not.toContain(token);
    expect(server.log).not.toContain(token);

    // Taken back, one may ask again; the template gone, what was asked for is closed.
    server.sql(`update api_keys set revoked_at = ${Date.now()} where kind = 'project' and created_by = (select id from users where name = 'Mia Chen' order by created_at desc limit 1)`);
    await stranger.reload();
    await live(stranger);
    await expect(offered).toContainText('Revoked');
    await offered.getByRole('button', { name: 'Request' }).click();
    await expect(offered).toContainText('Waiting for approval');
    await expect(of('Read access')).toBeVisible();
    // Whatever it is called by now, it is the same template.
    await write(page.getByRole('article', { name: 'Read access' }), 'Name', 'Reading');
    await page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await expect(of('Reading')).toBeVisible();
    await page.getByRole('article', { name: 'Reading' }).getByRole('button', { name: 'Delete template' }).click();
    await expect(page.getByRole('alertdialog')).toContainText('1 open request will be rejected and the requester notified.');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByText('No pending requests.')).toBeVisible();
    await expect(stranger.getByRole('article', { name: /^Read/ })).toHaveCount(0);
  });

  test('end with a key in a project of the holder\'s', { tag: '@widths' }, async ({ page, stranger, server, owner }, info) => {
    await addAsker(stranger, server, owner);
    const project = await addProject(page, server);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    const field = await call(page, server, 'templates/add-field', { template: template.id });
    for (const [which, before, after] of [['name', 'New field', 'Project ID'], ['value', '', project]]) {
      await call(page, server, 'templates/edit-field', { id: field.id, edit: { which, before, after } });
    }
    await call(stranger, server, 'requests/ask', { template: template.id });
    const asked = (await call(page, server, 'templates/desk', { project })).requests[0];
    await call(page, server, 'requests/approve', { id: asked.id });

    // Without a project there is nowhere to import it to.
    await open(stranger, `/projects/${project}`);
    const tile = stranger.getByRole('article', { name: 'Read access' });
    await tile.getByRole('button', { name: 'Import into a project…' }).click();
    const dialog = stranger.getByRole('dialog', { name: 'Import into a project' });
    await expect(dialog).toContainText('You don’t manage any projects yet.');
    await axe(stranger, 'nowhere to import to');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    const own = await addProject(stranger, server, 'My pipeline');
    await call(stranger, server, 'projects/create-secret', { id: own, name: 'mine_token', value: 'older' });

    // The names are shown as one types; one that is taken is refused, and nothing is revealed for it.
    await tile.getByRole('button', { name: 'Import into a project…' }).click();
    await expect(dialog.getByLabel('Prefix')).toHaveValue('read_access');
    const names = dialog.getByRole('list', { name: 'Secrets' }).getByRole('listitem');
    await expect(names).toHaveText(['read_access_token', 'read_access_project_id']);
    await dialog.getByLabel('Prefix').fill('9 lives');
    await expect(names).toHaveCount(0);
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(dialog.locator('[aria-invalid]')).toHaveCount(1);
    await dialog.getByLabel('Prefix').fill('mine');
    await expect(names).toHaveText([/mine_token\s*Taken/, 'mine_project_id']);
    await axe(stranger, 'an import that collides');
    await fitsWidth(stranger);
    await picture(stranger, 'import', info.project.name);
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(dialog.getByText('The project already has a secret mine_token.')).toBeVisible();
    await expect(tile).not.toContainText('Revealed');
    await dialog.getByLabel('Prefix').fill('genomics');
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(stranger.getByText('2 secrets imported')).toBeVisible();
    await expect(tile).toContainText('Revealed');

    // Again: by now it is to be pasted, unless it was revealed on this page.
    await stranger.reload();
    await live(stranger);
    await tile.getByRole('button', { name: 'Import into a project…' }).click();
    await dialog.getByLabel('API key').fill('eyJ.nonsense');
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(dialog.getByText('This is not the token of this key.')).toBeVisible();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await open(stranger, `/projects/${own}`);
    await expect(stranger.getByRole('row', { name: 'genomics_token' })).toBeVisible();
    await expect(stranger.getByRole('row', { name: 'genomics_project_id' })).toBeVisible();
  });

  test('end with a key that says why it is not imported', { tag: '@once' }, async ({ page, stranger, server, owner }) => {
    const asker = await addAsker(stranger, server, owner);
    const project = await addProject(page, server);
    await addProject(stranger, server, 'My pipeline');
    const held = (values: string, name: string) =>
      server.sql(`update api_keys set ${values} where kind = 'project' and name = '${name}'
        and created_by = (select id from users where email = '${asker.email}')`);
    for (const name of ['Read access', 'Upload']) {
      const template = await addTemplate(page, server, project, { name });
      await call(stranger, server, 'requests/ask', { template: template.id });
    }
    for (const { id } of (await call(page, server, 'templates/desk', { project })).requests) {
      await call(page, server, 'requests/approve', { id });
    }
    await open(stranger, `/projects/${project}`);
    const [tile, other] = ['Read access', 'Upload'].map((name) => stranger.getByRole('article', { name }));
    const dialog = stranger.getByRole('dialog', { name: 'Import into a project' });

    // Ended before it was revealed: the form says so.
    held(`revoked_at = ${Date.now()}`, 'Upload');
    await other.getByRole('button', { name: 'Import into a project…' }).click();
    await dialog.getByRole('button', { name: 'Import' }).click();
    await expect(dialog.getByRole('alert')).toContainText('This key is expired or revoked.');
    await dialog.getByRole('button', { name: 'Cancel' }).click();

    // Disabled meanwhile: it is revealed by now, and shown with the reason.
    held(`disabled_at = ${Date.now()}`, 'Read access');
    await tile.getByRole('button', { name: 'Import into a project…' }).click();
    await dialog.getByRole('button', { name: 'Import' }).click();
    const shown = stranger.getByRole('dialog', { name: 'Copy your new key' });
    await expect(shown.getByRole('alert')).toContainText('Import failed: This key is disabled.');
    await expect(shown.getByRole('textbox', { name: 'Secret key' })).toHaveText(/^eyJ/);
    await axe(stranger, 'a key that was not imported');
    await stranger.keyboard.press('Escape');
    await expect(shown).toContainText('you can still import it until you leave');
    await shown.getByRole('button', { name: 'Close without copying' }).click();
    await expect(tile).toContainText("can't be imported, until");
    await expect(tile.getByRole('button', { name: 'Import into a project…' })).toBeDisabled();
  });

  test('that were withdrawn meanwhile say so', { tag: '@once' }, async ({ page, stranger, server, owner }) => {
    await addAsker(stranger, server, owner);
    const project = await addProject(page, server);
    const template = await addTemplate(page, server, project, { name: 'Read access' });
    await call(stranger, server, 'requests/ask', { template: template.id });
    // The news of it does not come.
    await page.route('**/events', () => undefined);
    await open(page, `/projects/${project}/keys`);
    const request = page.getByRole('row').filter({ hasText: 'Mia Chen' });
    await expect(request).toBeVisible();
    const { tiles } = await call(stranger, server, 'requests/tiles', { project });
    await call(stranger, server, 'requests/withdraw', { id: tiles[0].waiting.id });
    await request.getByRole('button', { name: 'Approve' }).click();
    await expect(page.getByRole('alert')).toContainText('Mia Chen withdrew this request.');
    await expect(request).toHaveCount(0);
  });
});
