// The main flows with two instances behind nginx, where each request is answered by another instance than the one before. sessions.spec.ts runs in
// the same way.

import { createHash } from 'node:crypto';
import type { Page } from '@playwright/test';
import { addProject, authenticate, call, copyAndClose, createKey, expect, open, row, setUp, signIn, test, waitForPage } from './fixtures';
import type { Server } from './server';

test.use({ expectedErrors: [401] });

/** The status of a call that needs a session, at each instance. */
async function sessionStatuses(page: Page, server: Server): Promise<number[]> {
  const viewer = ({ address }: Server) => page.request.post(`${address}/fn/account/viewer`, { data: {}, headers: { origin: server.url } });
  return Promise.all(server.instances.map(async (instance) => (await viewer(instance)).status()));
}

/** The verdict of each instance. */
async function verdicts(server: Server, internalKey: string, key: string): Promise<string[]> {
  return Promise.all(
    server.instances.map(async ({ address }) => {
      const headers = { authorization: `Bearer ${internalKey}`, 'content-type': 'application/json' };
      const response = await fetch(`${address}/api/v1/verify`, { method: 'POST', headers, body: JSON.stringify({ key }) });
      return (await response.json()).code;
    }),
  );
}

test('a session begins and ends on both instances', async ({ page, server }) => {
  const owner = server.addUser();
  await open(page, '/keys/agent');
  await signIn(page, owner);
  await waitForPage(page, '/keys/agent');
  expect(await sessionStatuses(page, server)).toEqual([200, 200]);
  for (let count = 0; count < 4; count += 1) {
    await open(page, '/profile');
    await expect(page.getByText(owner.email)).toBeVisible();
  }
  for (const { log } of server.instances) {
    expect(log.split(' call ').length, 'nginx gives requests to both instances').toBeGreaterThan(5);
  }
  const cookies = await page.context().cookies();
  await page.getByRole('button', { name: owner.name }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await waitForPage(page, '/sign-in');
  await page.context().addCookies(cookies);
  expect(await sessionStatuses(page, server)).toEqual([401, 401]);
});

test('a key is created, verified, disabled and deleted', async ({ page, server, internalKey }) => {
  await open(page, '/keys/agent');
  const key = await createKey(page, 'nightly-build');
  await copyAndClose(page);
  const keyRow = row(page, 'nightly-build');
  await expect(keyRow).toContainText(`lka_…${key.slice(-4)}`);
  expect(await verdicts(server, internalKey, key)).toEqual(['VALID', 'VALID']);

  await keyRow.getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: 'Disable', exact: true }).click();
  await expect(keyRow.getByText('Disabled', { exact: true })).toBeVisible();
  await expect.poll(() => verdicts(server, internalKey, key)).toEqual(['DISABLED', 'DISABLED']);

  await keyRow.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await expect(keyRow).toHaveCount(0);
  await expect.poll(() => verdicts(server, internalKey, key)).toEqual(['NOT_FOUND', 'NOT_FOUND']);
});

test('a deleted key is refused by both instances at once', async ({ server, internalKey }) => {
  for (let round = 0; round < 20; round += 1) {
    const { key, secret } = await server.addKey(internalKey, `key ${round}`);
    expect(await verdicts(server, internalKey, secret)).toEqual(['VALID', 'VALID']);
    const response = await fetch(`${server.url}/api/v1/keys/${key.id}`, { method: 'DELETE', headers: { authorization: `Bearer ${internalKey}` } });
    expect(response.status).toBe(204);
    expect(await verdicts(server, internalKey, secret)).toEqual(['NOT_FOUND', 'NOT_FOUND']);
  }
});

test('a notification arrives, whichever instance it comes from', async ({ page, otherPage, server, owner }) => {
  const project = await addProject(page, server);
  const template = await call(page, server, 'templates/create', { project });
  await call(page, server, 'templates/edit', { id: template.id, edit: { which: 'name', before: template.name, after: 'Read access' } });
  await open(page, '/profile');
  await expect(page.getByRole('button', { name: 'Notifications', exact: true })).toBeVisible();
  for (const [index, { address }] of server.instances.entries()) {
    await authenticate(otherPage.context(), server, server.addUser('member', owner.organization, `Mia ${index}`));
    const request = { data: { template: template.id }, headers: { origin: server.url } };
    expect((await otherPage.request.post(`${address}/fn/access-requests/create`, request)).status()).toBe(200);
    await expect(page.getByRole('button', { name: `Notifications, ${index + 1} unread` })).toBeVisible();
  }
});

test('a file is imported in parts', async ({ page, server, owner: _ }) => {
  // Three parts.
  const content = Buffer.alloc(17 * 1024 * 1024, 'ACGT\n');
  await open(page, `/projects/${await addProject(page, server)}/samples`);
  await page.getByRole('button', { name: 'Import Samples' }).click();
  const dialog = page.getByRole('dialog', { name: 'Import Samples' });
  const file = { name: 'reads.fastq', mimeType: 'application/octet-stream', buffer: content };
  await dialog.getByLabel('Drop files here, or choose them').setInputFiles(file);
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await dialog.getByLabel('Batch ID').fill('run-1');
  await dialog.getByLabel('Batch ID').press('Enter');
  const hash = createHash('sha256').update(content).digest('hex');
  await expect(row(page, 'reads.fastq').getByTitle(hash)).toBeVisible({ timeout: 30_000 });
});

test('the set-up link works on both instances', async ({ page, emptyServer: server }) => {
  const ada = { name: 'Ada Lovelace', email: 'ada@example.com', password: 'correct horse battery staple' };
  expect(new Set(server.instances.map(({ setupLink }) => setupLink)).size).toBe(1);
  await open(page, server.setupLink);
  await setUp(page, 'Analytical Engines', ada);
  await waitForPage(page, '/overview');
});
