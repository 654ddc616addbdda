// The log of calls of language models.

import { type Page } from '@playwright/test';
import { axe, call, expect, expectFitsWidth, open, row, rows, switchUser, test } from './fixtures';
import type { Server } from './server';
import { withUpstream } from './models';

test.use({ environment: { LATCHKEY_ALLOW_OUTGOING: '127.0.0.0/8' }, expectedErrors: [403] });

/** Opens the log until it has this many calls: they are written about a second later. */
async function openWithCalls(page: Page, count: number): Promise<void> {
  await expect(async () => {
    await open(page, '/settings/calls');
    await expect(rows(page)).toHaveCount(count, { timeout: 500 });
  }).toPass();
}

/** Adds a provider with models that have a price. */
async function addModels(page: Page, server: Server, baseUrl: string, names: string[]): Promise<void> {
  const credential = await call(page, server, 'credentials/create-general', { name: 'Team key', value: 'sk-0123456789abcdef' });
  const provider = await call(page, server, 'providers/create', { request: { name: 'Local', style: 'openai', base_url: baseUrl, key: credential.id } });
  const price = { input: 1_000_000_000, output: 2_500_000_000 };
  for (const name of names) {
    await call(page, server, 'providers/create-model', { provider: provider.id, request: { name, price } });
  }
}

test('calls are listed, filtered and explained', async ({ page, server, internalKey }) => {
  await open(page, '/settings/calls');
  await expect(page.getByRole('heading', { name: 'No calls yet' })).toBeVisible();
  await expect(page.getByText(`curl ${server.url}/v1/models`)).toBeVisible();
  await axe(page, 'no calls');
  await expectFitsWidth(page);

  await withUpstream(['small', 'broken'], async ({ baseUrl }) => {
    await addModels(page, server, baseUrl, ['small', 'broken']);
    const { secret } = await server.addKey(internalKey, 'nightly-build');
    const chat = (model: string) =>
      fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'A secret plan' }], max_tokens: 16 }),
      });
    expect((await chat('small')).status).toBe(200);
    expect((await chat('broken')).status).toBe(400);
    const prompt = { data: { model: 'small', prompt: 'A secret plan' }, headers: { origin: server.url } };
    expect((await page.request.post('/console/models/try', prompt)).status()).toBe(200);

    await openWithCalls(page, 3);
    const [newest, second, oldest] = [0, 1, 2].map((index) => rows(page).nth(index));
    await expect(newest).toContainText('Page');
    await expect(second).toContainText('400');
    await expect(oldest).toContainText('nightly-build');
    await expect(oldest).toContainText('7 in, 2 out');
    await expect(oldest).toContainText('$0.000012');
    await expect(page.getByText('A secret plan')).toHaveCount(0);
    await axe(page, 'calls');
    await expectFitsWidth(page);

    await oldest.getByRole('button', { name: 'Details' }).click();
    const details = page.getByRole('dialog', { name: 'Call' });
    await expect(details).toContainText('/v1/chat/completions');
    await expect(details).toContainText('Reported by the provider');
    await expect(details).toContainText('Ada Lovelace');
    await axe(page, 'the details of a call');
    await expectFitsWidth(page);
    await details.getByRole('button', { name: 'Calls of this key' }).click();
    await expect(rows(page)).toHaveCount(2);
    await expect(page).toHaveURL(/\?key=key_/);
    await expect(page.getByLabel('Key', { exact: true }).locator('option:checked')).toHaveText('nightly-build');

    await page.getByLabel('Outcome').selectOption('Failed');
    await expect(rows(page)).toHaveCount(1);
    await expect(row(page, 'broken')).toBeVisible();
    await page.reload();
    await expect(rows(page)).toHaveCount(1);
    await page.getByLabel('Model', { exact: true }).selectOption('small');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await axe(page, 'no match');
    await expectFitsWidth(page);
    await page.getByRole('button', { name: 'Show everything' }).click();
    await expect(rows(page)).toHaveCount(3);
  });
});

test('bodies are shown as text to those who may read them', async ({ page, server, owner }) => {
  await withUpstream(['small'], async ({ baseUrl }) => {
    await addModels(page, server, baseUrl, ['small']);
    const request = { kind: 'agent', name: 'nightly-build', model_access: { log_bodies: true } };
    const { secret } = await call(page, server, 'keys/create', { request });
    const body = JSON.stringify({ model: 'small', messages: [{ role: 'user', content: '<b>A secret plan</b>' }], max_tokens: 16 });
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
    expect((await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', headers, body })).status).toBe(200);

    await openWithCalls(page, 1);
    await expect(page.getByText('A secret plan')).toHaveCount(0);
    await expectFitsWidth(page);
    await rows(page).first().getByRole('button', { name: 'Bodies' }).click();
    const dialog = page.getByRole('dialog', { name: 'Bodies' });
    await expect(dialog.getByRole('region', { name: 'Request' })).toHaveText(body);
    await expect(dialog.getByRole('region', { name: 'Response' })).toContainText('Hello there');
    await axe(page, 'the bodies of a call');
    await expectFitsWidth(page);
    await dialog.getByRole('button', { name: 'Close' }).click();
    await open(page, '/settings/audit');
    await expect(page.locator('main')).toContainText('read the bodies of call');

    await switchUser(page, server, server.addUser('admin', owner.organization, 'Grace Hopper'));
    await openWithCalls(page, 1);
    await expect(page.getByRole('button', { name: 'Details' })).toHaveCount(1);
    await expect(page.getByRole('button', { name: 'Bodies' })).toHaveCount(0);
  });
});

test('a member sees the missing permission', { tag: '@once' }, async ({ page, server, owner }) => {
  await switchUser(page, server, server.addUser('member', owner.organization, 'Grace Hopper'));
  await open(page, '/settings/calls');
  await expect(page.getByText('View Billing')).toBeVisible();
});
