// Providers, their models, and the general keys linked to them.

import type { Locator, Page } from '@playwright/test';
import { axe, call, expect, expectFitsWidth, open, row, switchUser, test } from './fixtures';

/** The card of a provider. */
function card(page: Page, name: string): Locator {
  return page.getByRole('article', { name, exact: true });
}

async function storeGeneralKey(page: Page, name: string): Promise<void> {
  const response = await page.request.post('/fn/credentials/create-general', {
    data: { name, value: 'sk-0123456789abcdef' },
    headers: { origin: new URL(page.url()).origin },
  });
  expect(response.status()).toBe(200);
}

async function submitDialog(page: Page, title: string, fields: Record<string, string>, key?: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: title });
  for (const [label, value] of Object.entries(fields)) {
    await dialog.getByLabel(label, { exact: true }).fill(value);
  }
  if (key !== undefined) {
    await dialog.getByLabel('Key', { exact: true }).selectOption({ label: key });
  }
  await dialog.getByRole('button', { name: /^(Save|Add provider|Add model)$/ }).click();
}

test.use({ expectedErrors: [403, 422] });

test('a provider is added, linked, edited and deleted', async ({ page, owner }) => {
  void owner;
  await open(page, '/settings/providers');
  await expect(page.getByRole('heading', { name: 'No providers yet' })).toBeVisible();
  await axe(page, 'empty');
  await expectFitsWidth(page);
  await storeGeneralKey(page, 'Team key');
  await open(page, '/settings/providers');

  await page.getByRole('button', { name: 'Add provider' }).click();
  await submitDialog(page, 'Add provider', { Name: 'OpenAI', Address: 'nonsense' });
  await expect(page.getByText('Enter a URL that begins with https://')).toBeVisible();
  await axe(page, 'dialog');
  await expectFitsWidth(page);
  await submitDialog(page, 'Add provider', { Address: 'https://api.openai.com/v1/' }, 'Team key (sk-…def)');
  const openai = card(page, 'OpenAI');
  await expect(openai.getByText('https://api.openai.com/v1', { exact: true })).toBeVisible();
  await expect(openai.getByText('Team key sk-…def')).toBeVisible();

  await openai.getByRole('button', { name: 'Add model' }).click();
  await submitDialog(page, 'Add model to OpenAI', { Name: 'gpt-5' });
  await expect(openai.getByRole('row', { name: 'gpt-5' }).getByText('Provider’s key')).toBeVisible();
  await openai.getByRole('button', { name: 'Add model' }).click();
  await submitDialog(page, 'Add model to OpenAI', { Name: 'text-embedding' }, 'Team key (sk-…def)');
  await expect(openai.getByRole('row', { name: 'text-embedding' }).getByText('Team key')).toBeVisible();
  await axe(page, 'list');
  await expectFitsWidth(page);

  // A changed address unlinks the keys.
  await openai.getByRole('button', { name: 'Edit' }).first().click();
  await submitDialog(page, 'Edit provider', { Address: 'https://models.example.com/v1' });
  await expect(page.getByText('so these have no key now: OpenAI, text-embedding.')).toBeVisible();
  await expect(openai.getByText('Key unlinked: the address changed. Edit to select one.')).toHaveCount(2);
  await axe(page, 'changed address');
  await expectFitsWidth(page);

  await openai.getByRole('row', { name: 'gpt-5' }).getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await expect(openai.getByRole('row', { name: 'gpt-5' })).toHaveCount(0);
  await openai.getByRole('button', { name: 'Delete' }).first().click();
  const confirmation = page.getByRole('alertdialog', { name: 'Delete this provider?' });
  await expect(confirmation.getByText('1 model will be deleted too. The general keys are kept.')).toBeVisible();
  await confirmation.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByRole('heading', { name: 'No providers yet' })).toBeVisible();
});

test('many providers are folded and can be searched', async ({ page, server, owner }) => {
  void owner;
  for (let number = 1; number <= 8; number += 1) {
    const request = { name: `Provider ${number}`, style: 'openai', base_url: `https://llm-${number}.example.com/v1` };
    const { id } = await call(page, server, 'providers/create', { request });
    await call(page, server, 'providers/create-model', { provider: id, request: { name: `model-${number}` } });
  }
  await open(page, '/settings/providers');
  await expect(page.getByRole('status').filter({ hasText: '8 providers' })).toBeVisible();
  const second = card(page, 'Provider 2');
  await expect(second.getByRole('row', { name: 'model-2' })).toBeHidden();
  await second.getByText('1 model').click();
  await expect(second.getByRole('row', { name: 'model-2' })).toBeVisible();
  await axe(page, 'many providers');
  await expectFitsWidth(page);

  await page.getByRole('searchbox').fill('MODEL-7');
  await expect(page.getByRole('article')).toHaveCount(1);
  await expect(card(page, 'Provider 7')).toBeVisible();
  await page.getByRole('searchbox').fill('nothing like it');
  await expect(page.getByText('No providers match “nothing like it”.')).toBeVisible();
  await page.getByRole('button', { name: 'Clear' }).click();
  await expect(page.getByRole('article')).toHaveCount(8);
  await expect(second.getByRole('row', { name: 'model-2' }), 'stays unfolded').toBeVisible();
});

test('a linked key names its links, an unreadable key is marked', async ({ page, server, owner }) => {
  void owner;
  await open(page, '/settings/providers');
  await storeGeneralKey(page, 'Team key');
  await open(page, '/settings/providers');
  await page.getByRole('button', { name: 'Add provider' }).click();
  await submitDialog(page, 'Add provider', { Name: 'OpenAI', Address: 'https://api.openai.com/v1' }, 'Team key (sk-…def)');
  await expect(card(page, 'OpenAI').getByText('Team key sk-…def')).toBeVisible();

  await open(page, '/keys/general');
  const key = row(page, 'Team key');
  await expect(key).toContainText('OpenAI');
  server.sql("update sealed_secrets set ciphertext = zeroblob(60) where credential_id in (select id from credentials where name = 'Team key')");
  await page.getByRole('button', { name: 'Reload' }).click();
  await expect(key.getByText('Unreadable')).toBeVisible();
  await axe(page, 'an unreadable key');
  await expectFitsWidth(page);

  await key.getByRole('button', { name: 'Delete' }).click();
  const confirmation = page.getByRole('alertdialog');
  await expect(confirmation).toContainText('OpenAI uses this key and will be left without one.');
  await axe(page, 'the confirmation');
  await confirmation.getByRole('button', { name: 'Delete' }).click();
  await expect(key).toHaveCount(0);
  await open(page, '/settings/providers');
  await expect(card(page, 'OpenAI').getByText(/^Key deleted/)).toBeVisible();
});

test('a member sees the missing permission', { tag: '@once' }, async ({ page, server, owner }) => {
  void owner;
  const team = server.addUser('owner');
  await switchUser(page, server, server.addUser('member', team.organization, 'Grace Hopper'));
  await open(page, '/settings/providers');
  await expect(page.getByText('Manage Credentials')).toBeVisible();
});
