// From an empty database to a verified key, along the overview; and the empty pages.

import type { Page } from '@playwright/test';
import {
  addProject,
  authenticate,
  axe,
  call,
  copyAndClose,
  expect,
  expectFitsWidth,
  open,
  row,
  setHidden,
  setUp,
  switchUser,
  test,
  waitForHydration,
  waitForPage,
} from './fixtures';

const ada = { name: 'Ada Lovelace', email: 'ada@example.com', password: 'correct horse battery staple' };

const checkPage = async (page: Page, state: string) => {
  await axe(page, state);
  await expectFitsWidth(page);
};
const checklist = (page: Page) => page.getByRole('region', { name: 'Get started' });
const step = (page: Page, title: string) => checklist(page).getByRole('listitem').filter({ has: page.getByRole('heading', { name: title }) });
const openOverview = (page: Page) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Overview' }).click();

test('the checklist leads from set-up to a verified key', async ({ page, emptyServer: server }) => {
  const start = Date.now();
  await open(page, server.setupLink);
  await setUp(page, 'Analytical Engines', ada);
  await waitForPage(page, '/overview');
  await expect(checklist(page).getByText('0 of 5 done')).toBeVisible();
  await checkPage(page, 'a new organization');

  await checklist(page).getByRole('link', { name: 'Create internal key' }).click();
  const dialog = page.getByRole('dialog');
  await expect(page.getByLabel('Name', { exact: true })).toBeFocused();
  await expect(page, 'a reload does not open the dialog again').toHaveURL(`${server.url}/keys/internal`);
  await page.getByLabel('Name', { exact: true }).fill('my-api');
  await dialog.getByRole('button', { name: 'Submit' }).click();
  const internalKey = (await page.getByText(/^lki_\w{49}$/).first().textContent())!;
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await row(page, 'my-api').getByRole('button', { name: 'Copy' }).click();
  await expect(page.getByText('Copied', { exact: true }).first()).toBeVisible();

  await openOverview(page);
  await waitForPage(page, '/overview');
  await expect(checklist(page).getByText('1 of 5 done')).toBeVisible();
  await checklist(page).getByRole('link', { name: 'Create client key' }).click();
  await page.getByLabel('Name', { exact: true }).fill('mobile-app');
  await dialog.getByRole('button', { name: 'Submit' }).click();
  const clientKey = (await dialog.getByText(/^lkc_\w{49}$/).textContent())!;
  await copyAndClose(page);

  await openOverview(page);
  await waitForPage(page, '/overview');
  await expect(checklist(page).getByText('2 of 5 done')).toBeVisible();
  const verify = step(page, 'Verify it');
  await expect(verify.getByText('Waiting for the first request…')).toBeVisible();
  await expect(verify.getByRole('tabpanel')).toContainText(`${server.url}/api/v1/verify`);
  await checkPage(page, 'waiting for the first request');
  expect(await server.verify(internalKey, clientKey)).toMatchObject({ valid: true });
  await expect(verify.getByText('(done)')).toBeAttached({ timeout: 4_000 });
  await expect(checklist(page).getByText('3 of 5 done')).toBeVisible();
  expect(Date.now() - start, 'milliseconds from set-up to a verified key').toBeLessThan(120_000);
  await checkPage(page, 'a verified key');
});

test('the first request is awaited only while the page is visible', { tag: '@once' }, async ({ page, server, internalKey }) => {
  await server.api(internalKey, '/keys', { kind: 'client', name: 'mobile-app' });
  let reads = 0;
  page.on('request', (request) => (reads += Number(request.url().includes('/fn/overview/get'))));
  await open(page, '/overview');
  await expect(step(page, 'Verify it').getByText('Waiting for the first request…')).toBeVisible();
  await expect.poll(() => reads).toBeGreaterThan(0);
  await setHidden(page, true);
  const before = reads;
  // Longer than two pauses between the reads.
  await page.waitForTimeout(4_500);
  expect(reads, 'reads of a hidden page').toBe(before);
  await setHidden(page, false);
  await expect.poll(() => reads).toBeGreaterThan(before);
});

test('the checklist can be hidden, and ends when it is complete', { tag: '@once' }, async ({ page, server, owner, internalKey }) => {
  await open(page, '/overview');
  await expect(checklist(page).getByText('1 of 5 done')).toBeVisible();
  await checklist(page).getByRole('button', { name: 'Hide checklist' }).click();
  await expect(checklist(page)).toHaveCount(0);
  const response = await page.goto('/overview');
  expect(await response?.text(), 'the server does not render it either').not.toContain('Get started');
  await waitForHydration(page);
  await expect(checklist(page)).toHaveCount(0);

  // A member has fewer steps: once they are done, there is no checklist.
  await switchUser(page, server, server.addUser('member', owner.organization));
  await open(page, '/overview');
  await expect(checklist(page).getByText('0 of 3 done')).toBeVisible();
  const { secret } = await server.api(internalKey, '/keys', { kind: 'client', name: 'mobile-app' });
  await server.verify(internalKey, secret);
  await expect(async () => {
    await open(page, '/overview');
    await expect(checklist(page)).toHaveCount(0, { timeout: 500 });
  }).toPass();
});

test('the overview shows figures and what needs attention', async ({ page, otherPage, server, owner, internalKey }) => {
  for (const name of ['mobile-app', 'web-shop']) {
    await server.api(internalKey, '/keys', { kind: 'client', name });
  }
  server.sql(`update api_keys set expires_at = ${Date.now() + 5 * 86_400_000} where name = 'web-shop'`);
  const viewer = server.addUser('viewer', owner.organization, 'Grace Hopper');
  await open(page, '/overview');
  const project = await addProject(page, server);
  const template = await call(page, server, 'templates/create', { project });
  await call(page, server, 'templates/edit', { id: template.id, edit: { which: 'name', before: template.name, after: 'Read access' } });
  await authenticate(otherPage.context(), server, viewer);
  await call(otherPage, server, 'access-requests/create', { template: template.id });

  await open(page, '/overview');
  await expect(page.getByRole('region', { name: 'Keys', exact: true }).getByRole('link', { name: 'Client' })).toContainText('2');
  await checkPage(page, 'with figures');
  const attention = page.getByRole('region', { name: 'Needs attention' });
  await attention.getByRole('link', { name: /1 access request is waiting.*Genomics/ }).click();
  await waitForPage(page, `/projects/${project}/keys`);
  await page.goBack();
  await attention.getByRole('link', { name: /1 key expires within 14 days.*Client/ }).click();
  await waitForPage(page, '/keys/client?status=expiring');
  await expect(row(page, 'web-shop')).toBeVisible();
  await expect(row(page, 'mobile-app')).toHaveCount(0);

  // A viewer sees the figures of the lists that they can open, and nothing to create.
  await open(otherPage, '/overview');
  await expect(otherPage.getByRole('region', { name: 'Keys', exact: true }).getByRole('link')).toHaveCount(3);
  await expect(checklist(otherPage)).toHaveCount(0);
  await expect(otherPage.getByRole('heading', { name: 'What do you need a key for?' })).toHaveCount(0);
});

const PURPOSES = [
  { purpose: /^Callers of my API/, path: '/keys/client', title: 'Create client key' },
  { purpose: /^My scripts and CI/, path: '/keys/internal', title: 'Create internal key' },
  { purpose: /^An AI agent/, path: '/keys/agent', title: 'Create Agent API Key' },
  { purpose: /^Public search/, path: '/keys/corpus', title: 'Create corpus key' },
  { purpose: /^A model provider’s key/, path: '/keys/general', title: 'New API Key' },
  { purpose: /^A storage provider’s key/, path: '/keys/external', title: 'Add external key' },
];

test('each purpose opens the dialog of its kind', { tag: '@once' }, async ({ page, owner: _ }) => {
  await open(page, '/overview');
  for (const { purpose, path, title } of PURPOSES) {
    await page.getByRole('link', { name: purpose }).click();
    await expect(page.getByRole('dialog', { name: title, exact: true })).toBeVisible();
    await expect(page).toHaveURL(path);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await openOverview(page);
    await waitForPage(page, '/overview');
  }
  // Also when the server renders the list.
  await open(page, '/keys/client?create');
  await expect(page.getByRole('dialog', { name: 'Create client key' })).toBeVisible();
  await expect(page).toHaveURL('/keys/client');
});

test('an empty list says what its keys are for', { tag: '@widths' }, async ({ page, owner: _ }) => {
  for (const [kind, code] of [['client', '/api/v1/verify'], ['internal', '/api/v1/whoami'], ['agent', 'from openai import OpenAI']]) {
    await open(page, `/keys/${kind}`);
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    await expect(page.getByRole('tabpanel').getByText(code)).toBeVisible();
    await checkPage(page, `${kind}, empty`);
  }
});

test('an empty list has one primary button', { tag: '@once' }, async ({ page, owner: _ }) => {
  for (const [kind, label] of [['external', 'Add your first key'], ['client', 'Create your first key'], ['agent', 'Create your first key']]) {
    await open(page, `/keys/${kind}`);
    await expect(page.getByRole('button', { name: label })).toBeVisible();
    const filled = await page.getByRole('main').getByRole('button').evaluateAll((buttons, label) => {
      const fill = (button?: Element) => button && getComputedStyle(button).backgroundColor;
      const primary = buttons.find((button) => button.textContent === label);
      return buttons.filter((button) => fill(button) === fill(primary)).map((button) => button.textContent);
    }, label);
    expect(filled, `filled buttons of ${kind} keys`).toEqual([label]);
  }
});

test('a well-known provider is filled in', { tag: '@once' }, async ({ page, owner: _ }) => {
  await open(page, '/settings/providers');
  await page.getByRole('button', { name: 'Add Anthropic' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add provider' });
  await expect(dialog.getByLabel('Name', { exact: true })).toHaveValue('Anthropic');
  await expect(dialog.getByLabel('Address')).toHaveValue('https://api.anthropic.com');
  await dialog.getByRole('button', { name: 'Add provider' }).click();
  await expect(page.getByRole('heading', { name: 'Anthropic' })).toBeVisible();
});
