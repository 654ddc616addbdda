// Services, the keys linked to them, and calls through the gateway.

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Locator, Page } from '@playwright/test';
import { addService, authenticate, axe, call, expect, expectFitsWidth, open, row, switchUser, test } from './fixtures';

const VALUE = 'sk-0123456789abcdef';
const TEAM_KEY = 'Team key (sk-…def)';
const AWS_KEY = { label: 'bucket', provider: 'aws', key: 'AKIAIOSFODNN7EXAMPLE', secret: 'wJalrXUtnFEMI', region: 'us-east-1', expiry: { Days: 30 } };

/** The card of a service. */
function card(page: Page, name: string): Locator {
  return page.getByRole('article', { name, exact: true });
}

/** A field of the open dialog. */
function field(page: Page, label: string): Locator {
  return page.getByRole('dialog').getByLabel(label, { exact: true });
}

/** The checkbox and the scope of a kind of callers in the open dialog. */
function caller(page: Page, kind: string): Locator {
  return page.getByRole('dialog').getByRole('group', { name: kind, exact: true });
}

async function submit(page: Page): Promise<void> {
  await page.getByRole('dialog').getByRole('button', { name: /^(Add service|Save)$/ }).click();
}

/** Saves the open dialog and waits until it is closed. */
async function save(page: Page): Promise<void> {
  await submit(page);
  await expect(page.getByRole('dialog')).toHaveCount(0);
}

test.use({ environment: { LATCHKEY_ALLOW_OUTGOING: '127.0.0.0/8' }, expectedErrors: [403, 422] });

test('a service is added, linked, edited and deleted', async ({ page, server, owner: _ }) => {
  await call(page, server, 'credentials/create-general', { name: 'Team key', value: VALUE });
  await open(page, '/settings/services');
  await expect(page.getByRole('heading', { name: 'No services yet' })).toBeVisible();
  await expect(page.getByText(`curl ${server.url}/gateway/github/user`)).toBeVisible();
  await axe(page, 'empty');
  await expectFitsWidth(page);

  await page.getByRole('button', { name: 'Add your first service' }).click();
  await expect(field(page, 'Name')).toBeFocused();
  await field(page, 'Name').fill('Git Hub');
  await field(page, 'Base URL').fill('nonsense');
  await field(page, 'Allowed requests').fill('GET /user\nGET repos');
  await submit(page);
  await expect(page.getByText(/^Use 1 to 50 lowercase letters/)).toBeVisible();
  await expect(page.getByText(/^Line 2: /)).toBeVisible();
  await axe(page, 'dialog, invalid');
  await expectFitsWidth(page);
  await field(page, 'Name').fill('github');
  await expect(page.getByText(`Called at ${server.url}/gateway/github/…`)).toBeVisible();
  await field(page, 'Allowed requests').fill('get /user\n\n* /repos/**');
  await submit(page);
  await expect(page.getByText(/^Enter a URL that begins with https:\/\//), 'found by the server').toBeVisible();
  await expect(field(page, 'Base URL')).toBeFocused();
  await field(page, 'Base URL').fill('https://api.github.com/');
  await field(page, 'Key').selectOption({ label: TEAM_KEY });
  await expect(caller(page, 'Client keys').getByLabel('Scope')).toHaveCount(0);
  await caller(page, 'Client keys').getByRole('checkbox').check();
  await caller(page, 'Client keys').getByLabel('Scope').fill('issues:read');
  await caller(page, 'Agent keys').getByRole('checkbox').check();
  await axe(page, 'dialog, filled in');
  await expectFitsWidth(page);
  await save(page);

  const github = card(page, 'github');
  await expect(github.getByText('Bearer token', { exact: true })).toBeVisible();
  await expect(github.getByText(`${server.url}/gateway/github/`, { exact: true })).toBeVisible();
  await expect(github.getByText('https://api.github.com', { exact: true })).toBeVisible();
  await expect(github.getByText('Team key sk-…def')).toBeVisible();
  await expect(github.getByText('Client keys with issues:read, Agent keys', { exact: true })).toBeVisible();
  await expect(github.getByRole('listitem')).toHaveText(['GET /user', '* /repos/**']);
  await expect(github.getByText('60 seconds until the response begins, request bodies up to 10 MiB')).toBeVisible();
  await axe(page, 'list');
  await expectFitsWidth(page);

  // The dialog shows what is stored, and a change of one value keeps the others.
  await github.getByRole('button', { name: 'Edit' }).click();
  await expect(field(page, 'Allowed requests')).toHaveValue('GET /user\n* /repos/**');
  await expect(field(page, 'Key').locator('option:checked')).toHaveText(TEAM_KEY);
  await expect(caller(page, 'Client keys').getByLabel('Scope')).toHaveValue('issues:read');
  await expect(caller(page, 'Internal keys').getByRole('checkbox')).not.toBeChecked();
  await page.getByRole('dialog').getByText('Limits', { exact: true }).click();
  await field(page, 'Time limit in seconds').fill('601');
  await submit(page);
  await expect(page.getByText('Enter 1 to 600 seconds.')).toBeVisible();
  await field(page, 'Time limit in seconds').fill('5');
  await field(page, 'Largest request body').fill('512');
  await field(page, 'Unit').selectOption('KiB');
  await save(page);
  await expect(github.getByText('5 seconds until the response begins, request bodies up to 512 KiB')).toBeVisible();
  await expect(github.getByText('Team key sk-…def')).toBeVisible();

  // A changed base URL unlinks the key.
  await github.getByRole('button', { name: 'Edit' }).click();
  await field(page, 'Base URL').fill('https://github.example.com/api/v3');
  await expect(page.getByText(/^Saving unlinks the key of the old URL/)).toBeVisible();
  await save(page);
  await expect(page.getByText('Changes saved. The key was unlinked because the base URL changed.')).toBeVisible();
  await expect(github.getByText('The key was unlinked because the base URL changed. Edit to select one.')).toBeVisible();
  await axe(page, 'an unlinked key');
  await expectFitsWidth(page);

  await github.getByRole('button', { name: 'Delete' }).click();
  const confirmation = page.getByRole('alertdialog', { name: 'Delete this service?' });
  await expect(confirmation).toContainText('The linked key is kept.');
  await axe(page, 'the confirmation');
  await confirmation.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByRole('heading', { name: 'No services yet' })).toBeVisible();
});

test('each authentication has its own fields', { tag: '@widths' }, async ({ page, server, owner: _ }) => {
  await call(page, server, 'credentials/create-general', { name: 'Team key', value: VALUE });
  await call(page, server, 'credentials/create-external', { request: AWS_KEY });
  await open(page, '/settings/services');
  await page.getByRole('button', { name: 'Add service' }).click();
  await field(page, 'Name').fill('archive');
  await field(page, 'Base URL').fill('https://archive.example.com');
  const choose = (label: string) => field(page, 'Authentication').selectOption({ label });
  const keys = field(page, 'Key').getByRole('option');

  await choose('Header');
  await field(page, 'Header name').fill('Host');
  await submit(page);
  await expect(page.getByText('Choose another header: Latchkey sets or removes this one.')).toBeVisible();
  await axe(page, 'a header');
  await choose('Query parameter');
  await expect(field(page, 'Parameter name')).toHaveValue('');
  await choose('Basic authentication');
  await field(page, 'User name').fill('deploy');
  await expect(keys).toHaveText(['No key', TEAM_KEY]);

  // Only a key of Amazon Web Services can sign, and only bodies that fit in memory are signed.
  await choose('AWS Signature Version 4');
  await expect(keys).toHaveText(['No key', 'bucket (external key)']);
  await expect(page.getByRole('dialog').getByText('60 s · 8 MiB')).toBeVisible();
  await field(page, 'AWS service').fill('s3');
  await submit(page);
  await expect(field(page, 'Region')).toHaveAttribute('aria-invalid', 'true');
  await field(page, 'Region').fill('us-east-1');
  await field(page, 'Key').selectOption({ label: 'bucket (external key)' });
  await axe(page, 'a signature');
  await expectFitsWidth(page);
  await save(page);
  const archive = card(page, 'archive');
  await expect(archive.getByText('AWS Signature Version 4 for s3 in us-east-1')).toBeVisible();
  await expect(archive.getByText('bucket external key')).toBeVisible();
  await expect(archive.getByText('None. Edit to choose which keys may call it.')).toBeVisible();
  await axe(page, 'a signed service');
  await expectFitsWidth(page);
});

test('a key of somebody else is unlinked by a change', { tag: '@once' }, async ({ page, otherPage, server, owner }) => {
  const { id } = await call(page, server, 'credentials/create-external', { request: AWS_KEY });
  const injection = { SigV4: { service: 's3', region: 'us-east-1' } };
  await addService(page, server, 'archive', { injection, credential: id, body_max: 1024 });
  await authenticate(otherPage.context(), server, server.addUser('admin', owner.organization, 'Grace Hopper'));
  await open(otherPage, '/settings/services');
  const archive = card(otherPage, 'archive');
  await expect(archive.getByText('bucket external key')).toBeVisible();
  await archive.getByRole('button', { name: 'Edit' }).click();
  await expect(otherPage.getByText('The linked key belongs to another user. Saving any change unlinks it.')).toBeVisible();
  await axe(otherPage, 'a key of somebody else');
  await field(otherPage, 'Allowed requests').fill('* /**');
  await save(otherPage);
  await expect(archive.getByText(/^The key was unlinked because a user other than its holder changed the service\./)).toBeVisible();

  // Its holder can link it again.
  await open(page, '/settings/services');
  await card(page, 'archive').getByRole('button', { name: 'Edit' }).click();
  await field(page, 'Key').selectOption({ label: 'bucket (external key)' });
  await save(page);
  await expect(card(page, 'archive').getByText('bucket external key')).toBeVisible();
});

test('a linked key names its service', async ({ page, server, owner: _ }) => {
  const { id } = await call(page, server, 'credentials/create-general', { name: 'Team key', value: VALUE });
  await addService(page, server, 'github', { credential: id });
  await open(page, '/keys/general');
  const key = row(page, 'Team key');
  await expect(key).toContainText('github');
  await key.getByRole('button', { name: 'Delete' }).click();
  const confirmation = page.getByRole('alertdialog');
  await expect(confirmation).toContainText('github uses this key and will be left without one.');
  await expect(confirmation).toContainText('services and corpora that use a deleted key will stop working.');
  await confirmation.getByRole('button', { name: 'Delete' }).click();
  await expect(key).toHaveCount(0);
  await open(page, '/settings/services');
  await expect(card(page, 'github').getByText('The linked key was deleted. Edit to select one.')).toBeVisible();
});

test('many services can be searched', async ({ page, server, owner: _ }) => {
  const rules = Array.from({ length: 7 }, (_, index) => ({ method: 'GET', path: `/part-${index}/**` }));
  for (let number = 1; number <= 8; number += 1) {
    await addService(page, server, `service-${number}`, { base_url: `https://api-${number}.example.com`, allow: number === 1 ? rules : [] });
  }
  await open(page, '/settings/services');
  await expect(page.getByRole('status').filter({ hasText: '8 services' })).toBeVisible();
  await expect(card(page, 'service-1').getByRole('listitem').last()).toHaveText('and 2 more');
  await expect(card(page, 'service-2').getByText('None. Edit to add a rule.')).toBeVisible();
  await axe(page, 'many services');
  await expectFitsWidth(page);
  await page.getByRole('searchbox').fill('API-7');
  await expect(page.getByRole('article')).toHaveCount(1);
  await expect(card(page, 'service-7')).toBeVisible();
  await page.getByRole('searchbox').fill('nothing like it');
  await expect(page.getByText('No services match “nothing like it”.')).toBeVisible();
  await page.getByRole('button', { name: 'Clear' }).click();
  await expect(page.getByRole('article')).toHaveCount(8);
});

test('long values fit', { tag: '@widths' }, async ({ page, server, owner: _ }) => {
  const name = 'a'.repeat(50);
  await addService(page, server, name, {
    base_url: `https://${'subdomain.'.repeat(20)}example.com/${'path'.repeat(40)}`,
    injection: { Header: { name: 'X-'.repeat(50) } },
    allow: [{ method: 'GET', path: `/${'w'.repeat(400)}/**` }],
    callers: [{ kind: 'client', scope: 's'.repeat(100) }],
  });
  await open(page, '/settings/services');
  await expect(card(page, name)).toBeVisible();
  await expectFitsWidth(page);
  await axe(page, 'long values');
  await card(page, name).getByRole('button', { name: 'Edit' }).click();
  const content = page.locator('.dialog-content');
  await expect(content).toBeVisible();
  expect(await content.evaluate((element) => element.scrollWidth - element.clientWidth), 'overflow of the dialog').toBeLessThanOrEqual(0);
});

test('a call to the shown URL reaches the service with its key', { tag: '@once' }, async ({ page, context, server, internalKey }) => {
  const received: IncomingMessage[] = [];
  const upstream = createServer((request, response) => {
    received.push(request);
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ path: request.url }));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  try {
    const { id } = await call(page, server, 'credentials/create-general', { name: 'Team key', value: VALUE });
    const base_url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`;
    await addService(page, server, 'local', { base_url, credential: id });
    const { secret } = await server.api(internalKey, '/keys', { kind: 'client', name: 'mobile app' });
    await open(page, '/settings/services');
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await card(page, 'local').getByRole('button', { name: 'Copy' }).click();
    const url = await page.evaluate(() => navigator.clipboard.readText());
    expect(url).toBe(`${server.url}/gateway/local/`);

    const headers = { authorization: `Bearer ${secret}` };
    const response = await fetch(`${url}items?page=2`, { headers });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ path: '/v1/items?page=2' });
    expect(received[0].headers.authorization).toBe(`Bearer ${VALUE}`);
    const refused = await fetch(`${url}items`, { method: 'POST', headers });
    expect(refused.status, 'no rule allows it').toBe(403);
    expect(received).toHaveLength(1);
  } finally {
    upstream.closeAllConnections();
    await new Promise((resolve) => upstream.close(resolve));
  }
});

test('a member sees the missing permission', { tag: '@once' }, async ({ page, server, owner }) => {
  await switchUser(page, server, server.addUser('member', owner.organization, 'Grace Hopper'));
  await open(page, '/settings/services');
  await expect(page.getByText('Manage Services')).toBeVisible();
});
