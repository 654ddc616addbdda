// Pictures of every page and state, for people to look at. Not a test, and no part of the usual run:
//
//   SHOTS=/tmp/shots npx playwright test
//
// It also takes the README's pictures, docs/keys-{light,dark}.png and docs/project-{light,dark}.png.

import type { BrowserContext, Page } from '@playwright/test';
import { admit, admitInstead, copyAndClose, createKey, expect, open, row, signIn, test } from './fixtures';
import type { Person, Server } from './server';

const DAY = 86_400_000;

/** The keys of a team: name, by whom, days since it was made, minutes since it was used. */
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
  ['translation-desk', 'Ada Lovelace', 13, 240],
  ['staging-load-test', 'Katherine Johnson', 8, null],
  ['pull-request-helper', 'Ada Lovelace', 2, 7],
];

/** Fills an organization with the keys of a team, one of them expired. Answers its owner. */
async function addTeam(server: Server, organization = 'Northwind Robotics'): Promise<Person> {
  const owner = server.addPerson('owner', organization);
  const platformKeys = new Map([[owner.name, server.platformKey(owner)]]);
  for (const name of ['Grace Hopper', 'Katherine Johnson']) {
    platformKeys.set(name, server.platformKey(server.addPerson('member', owner.organization, name)));
  }
  const now = Date.now();
  const set = async (name: string, by: string, made: number, used: number | null) => {
    const { key } = await server.addKey(platformKeys.get(by) ?? '', name);
    const created = now - made * DAY;
    const lastUsed = used === null ? 'null' : now - used * 60_000;
    return `update api_keys set created_at = ${created}, expires_at = ${created + 90 * DAY}, last_used_at = ${lastUsed} where id = '${key.id}';`;
  };
  const updates = [await set('prototype-2', 'Grace Hopper', 96, 12_000)];
  for (const key of KEYS) {
    updates.push(await set(...key));
  }
  server.sql(updates.join('\n'));
  return owner;
}

test.describe('pictures', { tag: '@shots' }, () => {
  // States that are shown here on purpose: refused, forbidden, not found, broken.
  test.use({ refusals: [401, 403, 404, 409, 422, 503, 'net::ERR_FAILED'] });

  let shoot: (page: Page, name: string) => Promise<void>;
  test.beforeEach(({}, { project }) => {
    shoot = async (page, name) => {
      await page.screenshot({ path: `${process.env.SHOTS}/${name} (${project.name}).png`, animations: 'disabled' });
    };
  });

  test('doors', async ({ page, context, server, emptyServer }) => {
    await open(page, emptyServer.setupLink);
    await shoot(page, 'set-up');
    await page.getByRole('button', { name: 'Create account' }).click();
    await shoot(page, 'set-up, refused');
    await open(page, `${emptyServer.url}/setup`);
    await shoot(page, 'set-up, no link');

    const owner = server.addPerson();
    await open(page, '/sign-in');
    await shoot(page, 'sign-in');
    await signIn(page, { ...owner, password: 'not the password' });
    await expect(page.getByRole('alert')).toBeVisible();
    await shoot(page, 'sign-in, refused');

    await admit(context, server, owner);
    await open(page, '/no/such/page');
    await shoot(page, 'not found');
    const viewer = server.addPerson('viewer', owner.organization);
    server.sql(`update roles set permissions = '' where id = (select role_id from users where email = '${viewer.email}')`);
    await admitInstead(page, server, viewer);
    await open(page, '/keys/agent');
    await shoot(page, 'forbidden');
  });

  test('keys', async ({ page, context, server, viewport, colorScheme }) => {
    await admit(context, server, await addTeam(server));
    await open(page, '/keys/agent');
    await shoot(page, 'keys');
    if (viewport?.width === 1280) {
      // In this order the expired one is in sight.
      await open(page, '/keys/agent?sort=name');
      await page.screenshot({ path: `../docs/keys-${colorScheme}.png`, animations: 'disabled' });
      await open(page, '/keys/agent');
    }

    await page.getByRole('button', { name: 'Create API Key' }).click();
    await shoot(page, 'menu of kinds');
    await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
    await shoot(page, 'create');
    await page.getByLabel('API Key Name').fill('docs-search');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByLabel('API Key Name')).toHaveAttribute('aria-invalid', 'true');
    await shoot(page, 'create, refused');
    await page.getByRole('button', { name: 'Cancel' }).click();

    await createKey(page, 'meeting-scheduler');
    await shoot(page, 'pop-up');
    await page.keyboard.press('Escape');
    await shoot(page, 'pop-up, asking');
    await page.getByRole('button', { name: 'Keep open' }).click();
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click();
    await expect(page.getByText('Copied', { exact: true })).toBeVisible();
    await shoot(page, 'pop-up, copied');
    await copyAndClose(page);

    await row(page, 'meeting-scheduler').getByRole('button', { name: 'Edit' }).click();
    await shoot(page, 'edit');
    await page.keyboard.press('Escape');
    await row(page, 'meeting-scheduler').getByRole('button', { name: 'Delete' }).click();
    await shoot(page, 'delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(row(page, 'meeting-scheduler')).toHaveCount(0);
    await shoot(page, 'deleted, with its message');

    await page.getByRole('searchbox').fill('in');
    await expect(row(page, 'translation-desk')).toHaveCount(0);
    await shoot(page, 'search');
    await page.getByRole('searchbox').fill('nothing like it');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await shoot(page, 'no match');
    await page.getByRole('searchbox').fill('');
    await expect(row(page, 'translation-desk')).toBeVisible();
    await page.getByRole('button', { name: 'Ada Lovelace' }).click();
    await shoot(page, 'menu of the person');
  });

  test('people', async ({ page, context, server, stranger }) => {
    const owner = await addTeam(server, 'Northwind People');
    await admit(context, server, owner);
    const pick = async (name: string, what: string) => {
      await row(page, name).getByRole('button', { name: 'Actions' }).click();
      await page.getByRole('menuitem', { name: what }).click();
    };
    await open(page, '/settings/roles');
    await shoot(page, 'roles');
    await row(page, 'admin').getByRole('button', { name: 'Actions' }).click();
    await shoot(page, 'roles, menu');
    await page.getByRole('menuitem', { name: 'Duplicate' }).click();
    await shoot(page, 'roles, create');
    await page.getByLabel('Name').fill('Key desk');
    await page.getByRole('button', { name: 'Save' }).click();
    await pick('Key desk', 'Delete');
    await shoot(page, 'roles, delete');
    await page.keyboard.press('Escape');

    await open(page, '/settings/members');
    await page.getByRole('button', { name: 'Invite' }).click();
    await shoot(page, 'members, invite');
    await page.getByLabel('Email').fill('margaret.hamilton@example.com');
    await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
    const link = (await page.getByRole('textbox', { name: 'Invitation link' }).textContent()) ?? '';
    await shoot(page, 'members, link');
    await copyAndClose(page);
    await shoot(page, 'members');
    await pick('Grace Hopper', 'Change role');
    await shoot(page, 'members, role');
    await page.keyboard.press('Escape');
    await pick('Grace Hopper', 'Disable');
    await page.getByLabel('Transfer their keys').check();
    await shoot(page, 'members, disable');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Disable' }).click();
    await expect(row(page, 'Grace Hopper')).toContainText('Disabled');
    await shoot(page, 'members, disabled');

    await open(page, '/settings/audit');
    await shoot(page, 'audit');
    await page.getByRole('searchbox').fill('nothing like it');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await shoot(page, 'audit, no match');

    await open(page, '/profile');
    await page.getByRole('list', { name: 'Sessions' }).scrollIntoViewIfNeeded();
    await shoot(page, 'profile, sessions');
    await page.getByRole('button', { name: 'Change password' }).click();
    await shoot(page, 'profile, password');

    await open(stranger, link);
    await expect(stranger.getByLabel('Name', { exact: true })).toBeVisible();
    await shoot(stranger, 'join');
    await open(stranger, '/sign-in');
    await open(stranger, '/join#nonsense');
    await expect(stranger.getByRole('alert')).toBeVisible();
    await shoot(stranger, 'join, refused');
  });

  test('states', async ({ page, server, owner }) => {
    await open(page, '/keys/agent');
    await shoot(page, 'empty');
    await open(page, '/profile');
    await shoot(page, 'profile');
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await shoot(page, 'sign out everywhere');
    await page.keyboard.press('Escape');

    server.addManyKeys(owner, 5_000);
    let answer = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    await page.route('**/fn/keys/*', async (route) => {
      await answered;
      await route.fallback();
    });
    await page.getByRole('link', { name: 'API Keys', exact: true }).click();
    await expect(page.getByRole('heading', { name: 'API Keys' })).toBeVisible();
    await shoot(page, 'loading');
    answer();
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await expect(page.getByRole('row').nth(5)).toBeVisible();
    await shoot(page, 'thousands');
    await page.unrouteAll();

    await page.route('**/fn/keys/rows*', () => new Promise(() => {}));
    await page.getByRole('region', { name: 'Agent API Key' }).evaluate((list) => (list.scrollTop = list.scrollHeight / 2));
    await shoot(page, 'loading rows');
    await page.unrouteAll();

    await page.route('**/fn/keys/*', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    await page.getByRole('searchbox').fill('key 1');
    await expect(page.getByRole('alert')).toBeVisible();
    await shoot(page, 'failed');
  });

  test('kinds', async ({ page, server }) => {
    test.setTimeout(180_000);
    const owner = await addTeam(server, 'Northwind Labs');
    const platformKey = server.platformKey(owner);
    await admit(page.context(), server, owner);
    const make = (body: object) => server.api(platformKey, '/keys', body);
    for (const name of ['handbook', 'release notes', 'support tickets']) {
      await server.api(platformKey, '/corpora', { name });
    }
    const { items } = await server.get(platformKey, '/corpora');
    const corpora = items.map(({ id }: { id: number }) => id);
    await make({ kind: 'platform', name: 'command line', duration_days: 30, scopes: ['keys:read', 'verify'] });
    await make({ kind: 'platform', name: 'gateway', duration_days: 365 });
    await make({ kind: 'corpus', name: 'help pages', scopes: ['query'], corpora: corpora.slice(0, 1) });
    await make({ kind: 'corpus', name: 'nightly indexer', scopes: ['query', 'index'], corpora });
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
    const made = [];
    for (const [name, external_id, scopes, limited] of clients) {
      made.push(await make({ kind: 'client', name, scopes, ...(external_id && { external_id }), duration_days: 90, ...limited }));
    }
    await server.api(platformKey, `/keys/${made[0].key.id}/rotate`, { grace_seconds: 86_400 });
    await server.api(platformKey, `/keys/${made[3].key.id}/disable`, {});
    server.sql(`update api_keys set expires_at = ${Date.now() + 5.5 * DAY} where id = '${made[1].key.id}'`);

    const shootDialog = async (tab: string, button: string, name: string) => {
      await page.getByRole('tab', { name: tab, exact: true }).click();
      await page.getByRole('button', { name: button, exact: true }).click();
      await expect(page.getByRole('dialog')).toBeVisible();
      await shoot(page, name);
    };
    await open(page, '/keys/internal');
    await shoot(page, 'internal');
    await shootDialog('Internal', 'Create', 'internal, create');
    await page.getByLabel('Duration').selectOption('Custom date…');
    await page.getByRole('button', { name: 'Submit' }).click();
    await shoot(page, 'internal, refused');
    await page.getByLabel('Name', { exact: true }).fill('deploy bot');
    await page.getByLabel('Duration').selectOption('90 days');
    await page.getByRole('button', { name: 'Submit' }).click();
    await expect(row(page, 'deploy bot').getByRole('textbox')).toBeVisible();
    await shoot(page, 'internal, revealed');
    await page.getByRole('tab', { name: 'External' }).click();
    await shoot(page, 'internal, leaving');
    await page.getByRole('button', { name: 'Leave without copying' }).click();

    await shootDialog('External', 'Create', 'external, create');
    await page.getByLabel('Label').fill('sequencing bucket');
    await page.getByLabel('Key', { exact: true }).fill('AKIAIOSFODNN7EXAMPLE');
    await page.getByLabel('Secret', { exact: true }).fill('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY');
    await page.getByLabel('Region').fill('eu-central-1');
    await page.getByRole('button', { name: 'Submit' }).click();
    await expect(row(page, 'sequencing bucket')).toBeVisible();
    await shoot(page, 'external');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByLabel('Provider').selectOption('DNAnexus');
    await shoot(page, 'external, create for DNAnexus');
    await page.keyboard.press('Escape');

    await shootDialog('Client', 'Create', 'client, create');
    await page.getByText('Limits', { exact: true }).last().click();
    await page.getByRole('button', { name: 'Add rate limit' }).click();
    await page.getByLabel('Limit total uses (credits)').check();
    await page.getByLabel('Refill').selectOption('Every day');
    await page.getByRole('dialog').getByRole('button', { name: 'Submit' }).click();
    await shoot(page, 'client, limits refused');
    await page.keyboard.press('Escape');
    await shoot(page, 'client');
    await row(page, 'reporting job').getByRole('button', { name: 'Actions' }).click();
    await shoot(page, 'client, menu of a row');
    await page.getByRole('menuitem', { name: 'Rotate…' }).click();
    await shoot(page, 'client, rotate');
    await page.keyboard.press('Escape');
    await row(page, 'mobile app').getByRole('button', { name: 'Edit' }).click();
    await shoot(page, 'client, edit');
    await page.getByLabel('Allowed addresses').scrollIntoViewIfNeeded();
    await shoot(page, 'client, edit, limits');
    await page.keyboard.press('Escape');
    await page.getByRole('checkbox', { name: 'Select mobile app' }).check();
    await page.getByRole('checkbox', { name: 'Select sandbox' }).check();
    await shoot(page, 'client, two picked');
    await page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name: 'Delete' }).click();
    await shoot(page, 'client, delete two');
    await page.keyboard.press('Escape');

    await shootDialog('Corpus', 'Create', 'corpus, create');
    await page.keyboard.press('Escape');
    await shoot(page, 'corpus');

    await shootDialog('General Key', 'New API Key', 'general, create');
    await page.getByLabel('API Key Name').fill('openai-production');
    await page.getByLabel('API Key Value').fill('sk-proj-0123456789abcdefXYZ');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(row(page, 'openai-production')).toBeVisible();
    await shoot(page, 'general');

    server.addManyKeys(owner, 5_000, 'client');
    await open(page, '/keys/client');
    await page.getByRole('checkbox', { name: 'Select all' }).click();
    await page.route('**/fn/keys/act*', async (route) => {
      await new Promise((later) => setTimeout(later, 300));
      await route.continue();
    });
    await page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name: 'Disable' }).click();
    await expect(page.getByText(/^[246]00 of/)).toBeVisible();
    await shoot(page, 'client, disabling thousands');
    await page.getByRole('button', { name: 'Stop' }).click();
    await expect(page.getByText(/keys disabled/)).toBeVisible();
    await shoot(page, 'client, stopped');
  });

  test('reference', async ({ page, owner, platformKey }) => {
    const all = async (name: string) => {
      await page.screenshot({ path: `${process.env.SHOTS}/${name} (${test.info().project.name}).png`, animations: 'disabled', fullPage: true });
    };
    const unfold = async (id: string) => {
      const it = page.locator(`details[id="${id}"]`);
      await it.locator('summary').first().click();
      return it;
    };
    await page.route('**/api/v1/openapi.json', (route) => route.fulfill({ status: 503, json: {} }));
    await open(page, '/keys/agent');
    await page.getByRole('button', { name: owner.name }).click();
    await shoot(page, 'menu of the person, owner');
    await page.getByRole('menuitem', { name: 'API reference' }).click();
    await expect(page.getByRole('alert')).toBeVisible();
    await shoot(page, 'reference, not loaded');
    await page.unrouteAll();
    await page.getByRole('button', { name: 'Try again' }).click();
    const make = await unfold('createCorpus');
    await page.mouse.move(0, 0);
    await all('reference');
    await make.getByRole('button', { name: 'Send', exact: true }).click();
    await expect(page.getByLabel('Internal key')).toBeFocused();
    await shoot(page, 'reference, no key');
    await page.getByLabel('Internal key').fill(platformKey);
    await make.getByRole('button', { name: 'Send', exact: true }).click();
    await expect(make.locator('.call-line')).toBeVisible();
    await make.getByText('Responses', { exact: true }).click();
    await make.getByRole('region', { name: 'Response' }).scrollIntoViewIfNeeded();
    await all('reference, answered');
    const list = await unfold('listKeys');
    await page.route('**/api/v1/keys', (route) => route.abort());
    await list.getByRole('button', { name: 'Send', exact: true }).click();
    await expect(list.getByRole('alert')).toBeVisible();
    const edit = await unfold('editKey');
    await edit.getByRole('button', { name: 'Send', exact: true }).click();
    await all('reference, refused');
    const remove = await unfold('deleteCorpus');
    await remove.getByLabel('id').fill('1');
    await remove.getByRole('button', { name: 'Send', exact: true }).click();
    await shoot(page, 'reference, asking');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Send' }).click();
    await expect(remove.locator('.call-line')).toBeVisible();
    await remove.scrollIntoViewIfNeeded();
    await shoot(page, 'reference, gone');
  });

  test('projects', async ({ page, context, server, viewport }) => {
    const owner = server.addPerson('owner', `Genomics ${viewport?.width}`);
    for (const name of ['Grace Hopper', 'Katherine Johnson']) {
      server.addPerson('member', owner.organization, name);
    }
    await admit(context, server, owner);
    const call = async (name: string, data: unknown) => {
      const answer = await context.request.post(`${server.url}/fn/${name}`, { data, headers: { origin: server.url } });
      expect(answer.status(), await answer.text()).toBe(200);
      return answer.json();
    };
    // All of a page, whose bottom is out of sight.
    const all = async (name: string) => {
      await page.screenshot({ path: `${process.env.SHOTS}/${name} (${test.info().project.name}).png`, animations: 'disabled', fullPage: true });
    };
    await open(page, '/projects');
    await shoot(page, 'projects, none');
    const { id } = await call('projects/create', {
      wanted: { name: 'Sequencer reads', description: 'What the sequencers wrote, one run a day.\nAsk for a key to read it.', visibility: 'organization' },
    });
    await open(page, `/projects/${id}`);
    await all('project, empty');
    const { managed } = await call('projects/belongings', { id });
    const role = managed.roles.find((one: { name: string }) => one.name === 'viewer').id;
    for (const { user } of managed.candidates) {
      await call('projects/add-member', { id, user, role });
    }
    for (const name of ['Raw reads', 'Aligned reads', 'Quality reports']) {
      await call('projects/create-node', { id, name });
    }
    for (const name of ['object_store_token', 'lims_project_id', 'a_name_that_is_rather_long_and_so_has_to_break_somewhere_in_a_narrow_page']) {
      await call('projects/create-secret', { id, name, value: 'a' });
    }
    await call('projects/create', { wanted: { name: 'Assembly', description: '', visibility: 'members' } });
    await call('projects/create', {
      wanted: { name: 'Long-term archive', description: 'Everything that is older than a year and has to be kept for ten more. '.repeat(6), visibility: 'members' },
    });
    // Ids that can be read back, made of those that are there.
    const template = id.replace('prj_', 'tpl_');
    server.sql(`insert into templates (id, project_id, name, name_folded, unique_name, description, role_id, price, created_by, created_at)
      select '${template}', p.id, 'Reader', 'reader', 'reader', '', r.id, 0, p.created_by, 0 from projects p join roles r on r.organization_id = p.organization_id
      where p.id = '${id}' and r.name = 'viewer';
      insert into key_requests (id, project_id, template_id, user_id, open_by, requested_at, state)
      select replace(u.id, 'usr_', 'ask_'), '${id}', '${template}', u.id, u.id, 0, 'open' from users u join projects p on p.organization_id = u.organization_id
      where p.id = '${id}' and u.id <> p.created_by`);
    await open(page, '/projects');
    await shoot(page, 'projects');
    await page.getByRole('button', { name: 'New project' }).click();
    await shoot(page, 'project, new');
    await open(page, `/projects/${id}`);
    await all('project');
    await page.getByRole('button', { name: 'Delete project' }).click();
    await shoot(page, 'project, delete');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Add secret' }).click();
    await shoot(page, 'project, secret');
    await open(page, '/projects/prj_none');
    await shoot(page, 'project, not there');
    await open(page, '/settings/organization');
    await page.getByLabel('Currency').selectOption('EUR');
    await shoot(page, 'organization');
  });

  test('project keys', async ({ page, context, server, stranger, viewport, colorScheme }) => {
    test.setTimeout(180_000);
    const caller = (of: BrowserContext) => async (name: string, data: unknown) => {
      const answer = await of.request.post(`${server.url}/fn/${name}`, { data, headers: { origin: server.url } });
      expect(answer.status(), await answer.text()).toBe(200);
      return answer.json();
    };
    const whole = async (of: Page, name: string) => {
      await of.screenshot({ path: `${process.env.SHOTS}/${name} (${test.info().project.name}).png`, animations: 'disabled', fullPage: true });
    };
    const owner = server.addPerson('owner', `Sequencing ${viewport?.width}`);
    await admit(context, server, owner);
    const call = caller(context);
    const wanted = { name: 'Genomics', description: 'Runs of the sequencers, and what was found in them.', visibility: 'organization' };
    const { id } = await call('projects/create', { wanted });
    await call('projects/create-node', { id, name: 'Intake' });
    await open(page, `/projects/${id}/keys`);
    await whole(page, 'templates, none');
    const add = async (values: Record<string, string>, fields: [string, string, string][] = []) => {
      const made = await call('templates/create', { project: id });
      const before: Record<string, string> = { name: made.name, description: '', price: '0', duration_days: '' };
      for (const [which, after] of Object.entries(values)) {
        await call('templates/edit', { id: made.id, edit: { which, before: before[which], after } });
      }
      for (const [name, description, value] of fields) {
        server.sql(`insert into template_fields (id, template_id, position, name, name_folded, description, value)
          select 'fld_' || lower(hex(randomblob(16))), '${made.id}', (select count(*) from template_fields where template_id = '${made.id}'), '${name}', lower('${name}'), '${description}', '${value}'`);
      }
      return made.id;
    };
    const reading = await add({ name: 'Read access', description: 'Reads runs and their reports.\nNothing can be changed with it.', price: '0.0025' }, [
      ['Project ID', 'Where the runs are.', id],
      ['Input Node ID', 'Where samples go in.', '1'],
    ]);
    const nightly = await add({ name: 'Nightly import', description: 'For pipelines that bring runs in.', price: '0.01', duration_days: '90' });
    await add({ name: 'Evaluation', description: 'For two weeks, to try things out.', duration_days: '14' });

    const people = ['Mia Chen', 'Jonas Weber', 'Amara Okafor', 'Lucía Fernández'].map((name) => server.addPerson('member', owner.organization, name));
    const requests = async () => (await call('templates/desk', { project: id })).requests as { id: string; user: string }[];
    for (const [at, person] of people.entries()) {
      await admitInstead(stranger, server, person);
      for (const template of at < 2 ? [reading, nightly] : [reading]) {
        await caller(stranger.context())('requests/ask', { template });
      }
    }
    // Mia gets the first of hers and waits for the other; Jonas gets both.
    const waiting = await requests();
    for (const request of waiting.filter(({ user }, at) => (user === 'Mia Chen' && at === 0) || user === 'Jonas Weber')) {
      await call('requests/approve', { id: request.id });
    }
    await open(page, `/projects/${id}/keys`);
    await whole(page, 'templates');
    if (viewport?.width === 1280) {
      await page.screenshot({ path: `../docs/project-${colorScheme}.png`, animations: 'disabled' });
    }
    await page.getByRole('button', { name: /^Price per request: / }).first().click();
    await page.getByRole('textbox', { name: 'Price per request' }).fill('-1');
    await page.keyboard.press('Enter');
    await expect(page.getByText("can't be negative")).toBeVisible();
    await shoot(page, 'templates, refused');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Reject' }).first().click();
    await shoot(page, 'requests, reject');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^Notifications/ }).click();
    await shoot(page, 'notices');
    await page.keyboard.press('Escape');

    await admitInstead(stranger, server, people[0]);
    await open(stranger, `/projects/${id}`);
    await whole(stranger, 'project, to who asks');
    await stranger.getByRole('button', { name: 'Reveal key' }).first().click();
    await expect(stranger.getByRole('dialog')).toBeVisible();
    await shoot(stranger, 'project key, revealed');
    await copyAndClose(stranger);
    await caller(stranger.context())('projects/create', { wanted: { name: 'Pipeline', description: '', visibility: 'members' } });
    await stranger.getByRole('button', { name: 'Import into a project…' }).first().click();
    await expect(stranger.getByRole('dialog')).toContainText('_token');
    await shoot(stranger, 'project key, import');
    await stranger.keyboard.press('Escape');

    const day = Math.floor(Date.now() / DAY);
    server.sql(`with recursive n (i) as (select 0 union all select i + 1 from n where i < 28)
      insert into key_days (organization_id, day, key_id, requests, cost)
      select k.organization_id, ${day} - i, k.id, 40 + (i * 37 + k.number * 91) % 300, (40 + (i * 37 + k.number * 91) % 300) * 2500
      from n, api_keys k join issued_keys x on x.key_id = k.id where x.project_id = '${id}'`);
    await open(page, `/projects/${id}/keys/issued?period=30d`);
    await expect(page.getByRole('row').nth(1)).toBeVisible();
    await whole(page, 'issued keys');
    await page.getByRole('button', { name: /^Delete/ }).first().click();
    await shoot(page, 'issued keys, revoke');
    await page.keyboard.press('Escape');
    await page.getByLabel('Period').selectOption('From – to');
    await shoot(page, 'issued keys, from to');
    await open(page, '/billing');
    await whole(page, 'billing with cost');
  });
});
