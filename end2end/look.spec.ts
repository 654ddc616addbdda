// Screenshots of every page and state, for manual review. Not part of the normal test run:
//
//   SHOTS=/tmp/shots npx playwright test
//
// Also updates the screenshots of the README: docs/keys-{light,dark}.png and docs/project-{light,dark}.png.

import type { BrowserContext, Page } from '@playwright/test';
import { authenticate, copyAndClose, createKey, expect, open, row, signIn, switchUser, test } from './fixtures';
import type { Server, User } from './server';

const DAY = 86_400_000;

/** The keys of a team: name, creator, days since creation, minutes since the last use. */
const KEYS: [string, string, number, number | null][] = [
  ['support-triage', 'Ada Lovelace', 88, 3],
  ['invoice-reader', 'Grace Hopper', 81, 46],
  ['nightly-evals', 'Ada Lovelace', 74, 610],
  ['docs-search', 'Katherine Johnson', 66, 1],
  ['onboarding-assistant', 'Grace Hopper', 59, 125],
  ['release-notes-writer', 'Katherine Johnson', 47, 4_400],
  ['incident-summariser', 'Ada Lovelace', 40, 31],
  ['contract-review', 'Grace Hopper', 33, 2_900],
  ['data-quality-watch', 'Katherine Johnson', 27, 12],
  ['sales-call-notes', 'Grace Hopper', 20, null],
  ['translation-helper', 'Ada Lovelace', 13, 240],
  ['staging-load-test', 'Katherine Johnson', 8, null],
  ['pull-request-helper', 'Ada Lovelace', 2, 7],
];

/** Creates an organization with the keys of a team, one of them expired. Returns its owner. */
async function addTeam(server: Server, organization = 'Northwind Robotics'): Promise<User> {
  const owner = server.addUser('owner', organization);
  const internalKeys = new Map([[owner.name, server.createInternalKey(owner)]]);
  for (const name of ['Grace Hopper', 'Katherine Johnson']) {
    internalKeys.set(name, server.createInternalKey(server.addUser('member', owner.organization, name)));
  }
  const now = Date.now();
  const addKey = async (name: string, creator: string, ageDays: number, idleMinutes: number | null) => {
    const { key } = await server.addKey(internalKeys.get(creator) ?? '', name);
    const created = now - ageDays * DAY;
    const lastUsed = idleMinutes === null ? 'null' : now - idleMinutes * 60_000;
    return `update api_keys set created_at = ${created}, expires_at = ${created + 90 * DAY}, last_used_at = ${lastUsed} where id = '${key.id}';`;
  };
  const updates = [await addKey('prototype-2', 'Grace Hopper', 96, 12_000)];
  for (const key of KEYS) {
    updates.push(await addKey(...key));
  }
  server.sql(updates.join('\n'));
  return owner;
}

test.describe('screenshots', { tag: '@shots' }, () => {
  // Errors that are shown on purpose.
  test.use({ expectedErrors: [401, 403, 404, 409, 422, 503, 'net::ERR_FAILED'] });

  let takeScreenshot: (page: Page, name: string) => Promise<void>;
  test.beforeEach(({}, { project }) => {
    takeScreenshot = async (page, name) => {
      await page.screenshot({ path: `${process.env.SHOTS}/${name} (${project.name}).png`, animations: 'disabled' });
    };
  });

  test('set-up, sign-in and errors', async ({ page, context, server, emptyServer }) => {
    await open(page, emptyServer.setupLink);
    await takeScreenshot(page, 'set-up');
    await page.getByRole('button', { name: 'Create account' }).click();
    await takeScreenshot(page, 'set-up, invalid');
    await open(page, `${emptyServer.url}/setup`);
    await takeScreenshot(page, 'set-up, no link');

    const owner = server.addUser();
    await open(page, '/sign-in');
    await takeScreenshot(page, 'sign-in');
    await signIn(page, { ...owner, password: 'not the password' });
    await expect(page.getByRole('alert')).toBeVisible();
    await takeScreenshot(page, 'sign-in, rejected');

    await authenticate(context, server, owner);
    await open(page, '/no/such/page');
    await takeScreenshot(page, 'not found');
    const viewer = server.addUser('viewer', owner.organization);
    server.sql(`update roles set permissions = '' where id = (select role_id from users where email = '${viewer.email}')`);
    await switchUser(page, server, viewer);
    await open(page, '/keys/agent');
    await takeScreenshot(page, 'forbidden');
  });

  test('keys', async ({ page, context, server, viewport, colorScheme }) => {
    await authenticate(context, server, await addTeam(server));
    await open(page, '/keys/agent');
    await takeScreenshot(page, 'keys');
    if (viewport?.width === 1280) {
      // In this order the expired key is in view.
      await open(page, '/keys/agent?sort=name');
      await page.screenshot({ path: `../docs/keys-${colorScheme}.png`, animations: 'disabled' });
      await open(page, '/keys/agent');
    }

    await page.getByRole('button', { name: 'Create API Key' }).click();
    await takeScreenshot(page, 'menu of kinds');
    await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
    await takeScreenshot(page, 'create');
    await page.getByLabel('API Key Name').fill('docs-search');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByLabel('API Key Name')).toHaveAttribute('aria-invalid', 'true');
    await takeScreenshot(page, 'create, invalid');
    await page.getByRole('button', { name: 'Cancel' }).click();

    await createKey(page, 'meeting-scheduler');
    await takeScreenshot(page, 'pop-up');
    await page.keyboard.press('Escape');
    await takeScreenshot(page, 'pop-up, warning');
    await page.getByRole('button', { name: 'Keep open' }).click();
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click();
    await expect(page.getByText('Copied', { exact: true })).toBeVisible();
    await takeScreenshot(page, 'pop-up, copied');
    await copyAndClose(page);

    await row(page, 'meeting-scheduler').getByRole('button', { name: 'Edit' }).click();
    await takeScreenshot(page, 'edit');
    await page.keyboard.press('Escape');
    await row(page, 'meeting-scheduler').getByRole('button', { name: 'Delete' }).click();
    await takeScreenshot(page, 'delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(row(page, 'meeting-scheduler')).toHaveCount(0);
    await takeScreenshot(page, 'deleted, with a toast');

    await page.getByRole('searchbox').fill('in');
    await expect(row(page, 'translation-helper')).toHaveCount(0);
    await takeScreenshot(page, 'search');
    await page.getByRole('searchbox').fill('nothing like it');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await takeScreenshot(page, 'no match');
    await page.getByRole('searchbox').fill('');
    await expect(row(page, 'translation-helper')).toBeVisible();
    await page.getByRole('button', { name: 'Ada Lovelace' }).click();
    await takeScreenshot(page, 'user menu');
  });

  test('members', async ({ page, context, server, otherPage }) => {
    const owner = await addTeam(server, 'Northwind People');
    await authenticate(context, server, owner);
    const chooseAction = async (name: string, action: string) => {
      await row(page, name).getByRole('button', { name: 'Actions' }).click();
      await page.getByRole('menuitem', { name: action }).click();
    };
    await open(page, '/settings/roles');
    await takeScreenshot(page, 'roles');
    await row(page, 'admin').getByRole('button', { name: 'Actions' }).click();
    await takeScreenshot(page, 'roles, menu');
    await page.getByRole('menuitem', { name: 'Duplicate' }).click();
    await takeScreenshot(page, 'roles, create');
    await page.getByLabel('Name').fill('Key manager');
    await page.getByRole('button', { name: 'Save' }).click();
    await chooseAction('Key manager', 'Delete');
    await takeScreenshot(page, 'roles, delete');
    await page.keyboard.press('Escape');

    await open(page, '/settings/members');
    await page.getByRole('button', { name: 'Invite' }).click();
    await takeScreenshot(page, 'members, invite');
    await page.getByLabel('Email').fill('margaret.hamilton@example.com');
    await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
    const link = (await page.getByRole('textbox', { name: 'Invitation link' }).textContent()) ?? '';
    await takeScreenshot(page, 'members, link');
    await copyAndClose(page);
    await takeScreenshot(page, 'members');
    await chooseAction('Grace Hopper', 'Change role');
    await takeScreenshot(page, 'members, role');
    await page.keyboard.press('Escape');
    await chooseAction('Grace Hopper', 'Disable');
    await page.getByLabel('Transfer their keys').check();
    await takeScreenshot(page, 'members, disable');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Disable' }).click();
    await expect(row(page, 'Grace Hopper')).toContainText('Disabled');
    await takeScreenshot(page, 'members, disabled');

    await open(page, '/settings/audit');
    await takeScreenshot(page, 'audit');
    await page.getByRole('searchbox').fill('nothing like it');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await takeScreenshot(page, 'audit, no match');

    await open(page, '/profile');
    await page.getByRole('list', { name: 'Sessions' }).scrollIntoViewIfNeeded();
    await takeScreenshot(page, 'profile, sessions');
    await page.getByRole('button', { name: 'Change password' }).click();
    await takeScreenshot(page, 'profile, password');

    await open(otherPage, link);
    await expect(otherPage.getByLabel('Name', { exact: true })).toBeVisible();
    await takeScreenshot(otherPage, 'join');
    await open(otherPage, '/sign-in');
    await open(otherPage, '/join#nonsense');
    await expect(otherPage.getByRole('alert')).toBeVisible();
    await takeScreenshot(otherPage, 'join, rejected');
  });

  test('states', async ({ page, server, owner }) => {
    await open(page, '/keys/agent');
    await takeScreenshot(page, 'empty');
    await open(page, '/profile');
    await takeScreenshot(page, 'profile');
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await takeScreenshot(page, 'sign out everywhere');
    await page.keyboard.press('Escape');

    server.addManyKeys(owner, 5_000);
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/fn/keys/*', async (route) => {
      await released;
      await route.fallback();
    });
    await page.getByRole('link', { name: 'API Keys', exact: true }).click();
    await expect(page.getByRole('heading', { name: 'API Keys' })).toBeVisible();
    await takeScreenshot(page, 'loading');
    release();
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await expect(page.getByRole('row').nth(5)).toBeVisible();
    await takeScreenshot(page, 'thousands');
    await page.unrouteAll();

    await page.route('**/fn/keys/rows*', () => new Promise(() => {}));
    await page.getByRole('region', { name: 'Agent API Key' }).evaluate((list) => (list.scrollTop = list.scrollHeight / 2));
    await takeScreenshot(page, 'loading rows');
    await page.unrouteAll();

    await page.route('**/fn/keys/*', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    await page.getByRole('searchbox').fill('key 1');
    await expect(page.getByRole('alert')).toBeVisible();
    await takeScreenshot(page, 'failed');
  });

  test('kinds', async ({ page, server }) => {
    test.setTimeout(180_000);
    const owner = await addTeam(server, 'Northwind Labs');
    const internalKey = server.createInternalKey(owner);
    await authenticate(page.context(), server, owner);
    const addKey = (body: object) => server.api(internalKey, '/keys', body);
    for (const name of ['handbook', 'release notes', 'support tickets']) {
      await server.api(internalKey, '/corpora', { name });
    }
    const { items } = await server.get(internalKey, '/corpora');
    const corpora = items.map(({ id }: { id: number }) => id);
    await addKey({ kind: 'internal', name: 'command line', duration_days: 30, scopes: ['keys:read', 'verify'] });
    await addKey({ kind: 'internal', name: 'gateway', duration_days: 365 });
    await addKey({ kind: 'corpus', name: 'help pages', scopes: ['query'], corpora: corpora.slice(0, 1) });
    await addKey({ kind: 'corpus', name: 'nightly indexer', scopes: ['query', 'index'], corpora });
    const perMinute = (limit: number) => ({ name: 'minute', limit, duration_ms: 60_000 });
    const limits = {
      rate_limits: [perMinute(100), { name: 'day', limit: 20_000, duration_ms: DAY }],
      credits: { remaining: 48_210, refill: 'monthly', amount: 50_000 },
      allowed_ips: ['192.0.2.0/24', '2001:db8::/32'],
    };
    const clients = [
      ['mobile app', 'customer-7', ['read', 'write'], limits],
      ['partner portal', 'acme-industries', ['read'], { rate_limits: [perMinute(1_000)] }],
      ['reporting job', 'customer-12', ['read', 'export', 'reports:monthly'], { credits: { remaining: 500 } }],
      ['sandbox', null, [], {}],
    ] as const;
    const created = [];
    for (const [name, external_id, scopes, attributes] of clients) {
      created.push(await addKey({ kind: 'client', name, scopes, ...(external_id && { external_id }), duration_days: 90, ...attributes }));
    }
    await server.api(internalKey, `/keys/${created[0].key.id}/rotate`, { grace_seconds: 86_400 });
    await server.api(internalKey, `/keys/${created[3].key.id}/disable`, {});
    server.sql(`update api_keys set expires_at = ${Date.now() + 5.5 * DAY} where id = '${created[1].key.id}'`);

    const captureDialog = async (tab: string, button: string, name: string) => {
      await page.getByRole('tab', { name: tab, exact: true }).click();
      await page.getByRole('button', { name: button, exact: true }).click();
      await expect(page.getByRole('dialog')).toBeVisible();
      await takeScreenshot(page, name);
    };
    await open(page, '/keys/internal');
    await takeScreenshot(page, 'internal');
    await captureDialog('Internal', 'Create', 'internal, create');
    await page.getByLabel('Duration').selectOption('Custom date…');
    await page.getByRole('button', { name: 'Submit' }).click();
    await takeScreenshot(page, 'internal, invalid');
    await page.getByLabel('Name', { exact: true }).fill('deploy bot');
    await page.getByLabel('Duration').selectOption('90 days');
    await page.getByRole('button', { name: 'Submit' }).click();
    await expect(row(page, 'deploy bot').getByRole('textbox')).toBeVisible();
    await takeScreenshot(page, 'internal, revealed');
    await page.getByRole('tab', { name: 'External' }).click();
    await takeScreenshot(page, 'internal, leaving');
    await page.getByRole('button', { name: 'Leave without copying' }).click();

    await captureDialog('External', 'Create', 'external, create');
    await page.getByLabel('Label').fill('sequencing bucket');
    await page.getByLabel('Key', { exact: true }).fill('AKIAIOSFODNN7EXAMPLE');
    await page.getByLabel('Secret', { exact: true }).fill('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY');
    await page.getByLabel('Region').fill('eu-central-1');
    await page.getByRole('button', { name: 'Submit' }).click();
    await expect(row(page, 'sequencing bucket')).toBeVisible();
    await takeScreenshot(page, 'external');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByLabel('Provider').selectOption('DNAnexus');
    await takeScreenshot(page, 'external, create for DNAnexus');
    await page.keyboard.press('Escape');

    await captureDialog('Client', 'Create', 'client, create');
    await page.getByText('Limits', { exact: true }).last().click();
    await page.getByRole('button', { name: 'Add rate limit' }).click();
    await page.getByLabel('Limit total uses (credits)').check();
    await page.getByLabel('Refill').selectOption('Every day');
    await page.getByRole('dialog').getByRole('button', { name: 'Submit' }).click();
    await takeScreenshot(page, 'client, limits invalid');
    await page.keyboard.press('Escape');
    await takeScreenshot(page, 'client');
    await row(page, 'reporting job').getByRole('button', { name: 'Actions' }).click();
    await takeScreenshot(page, 'client, menu of a row');
    await page.getByRole('menuitem', { name: 'Rotate…' }).click();
    await takeScreenshot(page, 'client, rotate');
    await page.keyboard.press('Escape');
    await row(page, 'mobile app').getByRole('button', { name: 'Edit' }).click();
    await takeScreenshot(page, 'client, edit');
    await page.getByLabel('Allowed addresses').scrollIntoViewIfNeeded();
    await takeScreenshot(page, 'client, edit, limits');
    await page.keyboard.press('Escape');
    await page.getByRole('checkbox', { name: 'Select mobile app' }).check();
    await page.getByRole('checkbox', { name: 'Select sandbox' }).check();
    await takeScreenshot(page, 'client, two selected');
    await page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name: 'Delete' }).click();
    await takeScreenshot(page, 'client, delete two');
    await page.keyboard.press('Escape');

    await captureDialog('Corpus', 'Create', 'corpus, create');
    await page.keyboard.press('Escape');
    await takeScreenshot(page, 'corpus');

    await captureDialog('General Key', 'New API Key', 'general, create');
    await page.getByLabel('API Key Name').fill('openai-production');
    await page.getByLabel('API Key Value').fill('sk-proj-0123456789abcdefXYZ');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(row(page, 'openai-production')).toBeVisible();
    await takeScreenshot(page, 'general');

    server.addManyKeys(owner, 5_000, 'client');
    await open(page, '/keys/client');
    await page.getByRole('checkbox', { name: 'Select all' }).click();
    // The fourth of the calls is held back until the screenshot is taken.
    let calls = 0;
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/fn/keys/bulk*', async (route) => {
      calls += 1;
      if (calls === 4) {
        await released;
      }
      await route.continue();
    });
    await page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name: 'Disable' }).click();
    await expect(page.getByText(/^600 of/)).toBeVisible();
    await takeScreenshot(page, 'client, disabling thousands');
    await page.getByRole('button', { name: 'Stop' }).click();
    release();
    await expect(page.getByText(/keys disabled/)).toBeVisible();
    await takeScreenshot(page, 'client, stopped');
  });

  test('reference', async ({ page, owner, internalKey }) => {
    const takeFullScreenshot = async (name: string) => {
      await page.screenshot({ path: `${process.env.SHOTS}/${name} (${test.info().project.name}).png`, animations: 'disabled', fullPage: true });
    };
    const expand = async (id: string) => {
      const operation = page.locator(`details[id="${id}"]`);
      await operation.locator('summary').first().click();
      return operation;
    };
    await page.route('**/api/v1/openapi.json', (route) => route.fulfill({ status: 503, json: {} }));
    await open(page, '/keys/agent');
    await page.getByRole('button', { name: owner.name }).click();
    await takeScreenshot(page, 'user menu, owner');
    await page.getByRole('menuitem', { name: 'API reference' }).click();
    await expect(page.getByRole('alert')).toBeVisible();
    await takeScreenshot(page, 'reference, load error');
    await page.unrouteAll();
    await page.getByRole('button', { name: 'Try again' }).click();
    const create = await expand('createCorpus');
    await page.mouse.move(0, 0);
    await takeFullScreenshot('reference');
    await create.getByRole('button', { name: 'Send', exact: true }).click();
    await expect(page.getByLabel('Internal key')).toBeFocused();
    await takeScreenshot(page, 'reference, no key');
    await page.getByLabel('Internal key').fill(internalKey);
    await create.getByRole('button', { name: 'Send', exact: true }).click();
    await expect(create.locator('.call-line')).toBeVisible();
    await create.getByText('Responses', { exact: true }).click();
    await create.getByRole('region', { name: 'Response' }).scrollIntoViewIfNeeded();
    await takeFullScreenshot('reference, response');
    const list = await expand('listKeys');
    await page.route('**/api/v1/keys', (route) => route.abort());
    await list.getByRole('button', { name: 'Send', exact: true }).click();
    await expect(list.getByRole('alert')).toBeVisible();
    const edit = await expand('editKey');
    await edit.getByRole('button', { name: 'Send', exact: true }).click();
    await takeFullScreenshot('reference, invalid');
    const remove = await expand('deleteCorpus');
    await remove.getByLabel('id').fill('1');
    await remove.getByRole('button', { name: 'Send', exact: true }).click();
    await takeScreenshot(page, 'reference, confirmation');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Send' }).click();
    await expect(remove.locator('.call-line')).toBeVisible();
    await remove.scrollIntoViewIfNeeded();
    await takeScreenshot(page, 'reference, deleted');
  });

  test('projects', async ({ page, context, server, viewport }) => {
    const owner = server.addUser('owner', `Genomics ${viewport?.width}`);
    for (const name of ['Grace Hopper', 'Katherine Johnson']) {
      server.addUser('member', owner.organization, name);
    }
    await authenticate(context, server, owner);
    const call = async (name: string, data: unknown) => {
      const response = await context.request.post(`${server.url}/fn/${name}`, { data, headers: { origin: server.url } });
      expect(response.status(), await response.text()).toBe(200);
      return response.json();
    };
    // The whole page, including what is below the viewport.
    const takeFullScreenshot = async (name: string) => {
      await page.screenshot({ path: `${process.env.SHOTS}/${name} (${test.info().project.name}).png`, animations: 'disabled', fullPage: true });
    };
    await open(page, '/projects');
    await takeScreenshot(page, 'projects, none');
    const { id } = await call('projects/create', {
      request: { name: 'Sequencer reads', description: 'Output of the sequencers, one run a day.\nRequest a key to read it.', visibility: 'organization' },
    });
    await open(page, `/projects/${id}`);
    await takeFullScreenshot('project, empty');
    const { managed } = await call('projects/resources', { id });
    const role = managed.roles.find((one: { name: string }) => one.name === 'viewer').id;
    for (const { user } of managed.candidates) {
      await call('projects/add-member', { id, user, role });
    }
    for (const name of ['Raw reads', 'Aligned reads', 'Quality reports']) {
      await call('projects/create-node', { id, name });
    }
    for (const name of ['object_store_token', 'lims_project_id', 'a_very_long_name_that_has_to_be_broken_into_several_lines_on_a_narrow_page']) {
      await call('projects/create-secret', { id, name, value: 'a' });
    }
    await call('projects/create', { request: { name: 'Assembly', description: '', visibility: 'members' } });
    await call('projects/create', {
      request: { name: 'Long-term archive', description: 'Data older than one year, which must be kept for ten more years. '.repeat(6), visibility: 'members' },
    });
    // Valid ids, derived from existing ones.
    const template = id.replace('prj_', 'tpl_');
    server.sql(`insert into key_templates (id, project_id, name, name_folded, unique_name, description, role_id, price, created_by, created_at)
      select '${template}', p.id, 'Reader', 'reader', 'reader', '', r.id, 0, p.created_by, 0 from projects p join roles r on r.organization_id = p.organization_id
      where p.id = '${id}' and r.name = 'viewer';
      insert into access_requests (id, project_id, template_id, user_id, open_by, requested_at, state)
      select replace(u.id, 'usr_', 'ask_'), '${id}', '${template}', u.id, u.id, 0, 'open' from users u join projects p on p.organization_id = u.organization_id
      where p.id = '${id}' and u.id <> p.created_by`);
    await open(page, '/projects');
    await takeScreenshot(page, 'projects');
    await page.getByRole('button', { name: 'New project' }).click();
    await takeScreenshot(page, 'project, new');
    await open(page, `/projects/${id}`);
    await takeFullScreenshot('project');
    await page.getByRole('button', { name: 'Delete project' }).click();
    await takeScreenshot(page, 'project, delete');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Add secret' }).click();
    await takeScreenshot(page, 'project, secret');
    await open(page, '/projects/prj_none');
    await takeScreenshot(page, 'project, not found');
    await open(page, '/settings/organization');
    await page.getByLabel('Currency').selectOption('EUR');
    await takeScreenshot(page, 'organization');
  });

  test('project keys', async ({ page, context, server, otherPage, viewport, colorScheme }) => {
    test.setTimeout(180_000);
    const callerFor = (session: BrowserContext) => async (name: string, data: unknown) => {
      const response = await session.request.post(`${server.url}/fn/${name}`, { data, headers: { origin: server.url } });
      expect(response.status(), await response.text()).toBe(200);
      return response.json();
    };
    const takeFullScreenshot = async (target: Page, name: string) => {
      await target.screenshot({ path: `${process.env.SHOTS}/${name} (${test.info().project.name}).png`, animations: 'disabled', fullPage: true });
    };
    const owner = server.addUser('owner', `Sequencing ${viewport?.width}`);
    await authenticate(context, server, owner);
    const call = callerFor(context);
    const request = { name: 'Genomics', description: 'Runs of the sequencers and their results.', visibility: 'organization' };
    const { id } = await call('projects/create', { request });
    await call('projects/create-node', { id, name: 'Intake' });
    await open(page, `/projects/${id}/keys`);
    await takeFullScreenshot(page, 'templates, none');
    const addTemplate = async (values: Record<string, string>, fields: [string, string, string][] = []) => {
      const template = await call('templates/create', { project: id });
      const before: Record<string, string> = { name: template.name, description: '', price: '0', duration_days: '' };
      for (const [which, after] of Object.entries(values)) {
        await call('templates/edit', { id: template.id, edit: { which, before: before[which], after } });
      }
      for (const [name, description, value] of fields) {
        server.sql(`insert into key_template_fields (id, template_id, position, name, name_folded, description, value)
          select 'fld_' || lower(hex(randomblob(16))), '${template.id}', (select count(*) from key_template_fields where template_id = '${template.id}'), '${name}', lower('${name}'), '${description}', '${value}'`);
      }
      return template.id;
    };
    const reading = await addTemplate({ name: 'Read access', description: 'Reads runs and their reports.\nCannot change anything.', price: '0.0025' }, [
      ['Project ID', 'The project with the runs.', id],
      ['Input Node ID', 'The node that receives samples.', '1'],
    ]);
    const nightly = await addTemplate({ name: 'Nightly import', description: 'For pipelines that import runs.', price: '0.01', duration_days: '90' });
    await addTemplate({ name: 'Evaluation', description: 'For a trial of two weeks.', duration_days: '14' });

    const requesters = ['Mia Chen', 'Jonas Weber', 'Amara Okafor', 'Lucía Fernández'].map((name) => server.addUser('member', owner.organization, name));
    const requests = async () => (await call('templates/page', { project: id })).requests as { id: string; user: string }[];
    for (const [index, requester] of requesters.entries()) {
      await switchUser(otherPage, server, requester);
      for (const template of index < 2 ? [reading, nightly] : [reading]) {
        await callerFor(otherPage.context())('access-requests/create', { template });
      }
    }
    // Approves the first request of Mia, whose second one stays open, and both requests of Jonas.
    const openRequests = await requests();
    for (const request of openRequests.filter(({ user }, index) => (user === 'Mia Chen' && index === 0) || user === 'Jonas Weber')) {
      await call('access-requests/approve', { id: request.id });
    }
    await open(page, `/projects/${id}/keys`);
    await takeFullScreenshot(page, 'templates');
    if (viewport?.width === 1280) {
      await page.screenshot({ path: `../docs/project-${colorScheme}.png`, animations: 'disabled' });
    }
    await page.getByRole('button', { name: /^Price per request: / }).first().click();
    await page.getByRole('textbox', { name: 'Price per request' }).fill('-1');
    await page.keyboard.press('Enter');
    await expect(page.getByText("can't be negative")).toBeVisible();
    await takeScreenshot(page, 'templates, invalid');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Reject' }).first().click();
    await takeScreenshot(page, 'requests, reject');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^Notifications/ }).click();
    await takeScreenshot(page, 'notifications');
    await page.keyboard.press('Escape');

    await switchUser(otherPage, server, requesters[0]);
    await open(otherPage, `/projects/${id}`);
    await takeFullScreenshot(otherPage, 'project, seen by a requester');
    await otherPage.getByRole('button', { name: 'Reveal key' }).first().click();
    await expect(otherPage.getByRole('dialog')).toBeVisible();
    await takeScreenshot(otherPage, 'project key, revealed');
    await copyAndClose(otherPage);
    await callerFor(otherPage.context())('projects/create', { request: { name: 'Pipeline', description: '', visibility: 'members' } });
    await otherPage.getByRole('button', { name: 'Import into a project…' }).first().click();
    await expect(otherPage.getByRole('dialog')).toContainText('_token');
    await takeScreenshot(otherPage, 'project key, import');
    await otherPage.keyboard.press('Escape');

    const day = Math.floor(Date.now() / DAY);
    server.sql(`with recursive n (i) as (select 0 union all select i + 1 from n where i < 28)
      insert into usage_by_day (organization_id, day, key_id, requests, cost)
      select k.organization_id, ${day} - i, k.id, 40 + (i * 37 + k.number * 91) % 300, (40 + (i * 37 + k.number * 91) % 300) * 2500
      from n, api_keys k join issued_keys x on x.key_id = k.id where x.project_id = '${id}'`);
    await open(page, `/projects/${id}/keys/issued?period=30d`);
    await expect(page.getByRole('row').nth(1)).toBeVisible();
    await takeFullScreenshot(page, 'issued keys');
    await page.getByRole('button', { name: /^Delete/ }).first().click();
    await takeScreenshot(page, 'issued keys, revoke');
    await page.keyboard.press('Escape');
    await page.getByLabel('Period').selectOption('From – to');
    await takeScreenshot(page, 'issued keys, from to');
    await open(page, '/billing');
    await takeFullScreenshot(page, 'billing with cost');
  });
});
