// Providers, their models, aliases, and the general keys linked to them.

import type { Locator, Page } from '@playwright/test';
import { axe, call, expect, expectFitsWidth, open, row, switchUser, test } from './fixtures';
import { withUpstream } from './models';

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

/** A field of the open dialog. */
function field(page: Page, label: string): Locator {
  return page.getByRole('dialog').getByLabel(label, { exact: true });
}

/** Submits the open dialog and waits until it is closed. */
async function save(page: Page, verb = 'Save'): Promise<void> {
  await page.getByRole('dialog').getByRole('button', { name: verb, exact: true }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
}

test.use({ environment: { LATCHKEY_ALLOW_OUTGOING: '127.0.0.0/8' }, expectedErrors: [400, 403, 409, 422] });

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

test('models of the provider’s list are added, priced and tried', async ({ page, server, owner: _ }) => {
  await withUpstream(['small-1', 'large-2', 'broken'], async ({ baseUrl, authorizations }) => {
    await call(page, server, 'credentials/create-general', { name: 'Team key', value: 'sk-0123456789abcdef' });
    await open(page, '/settings/providers');
    await page.getByRole('button', { name: 'Add provider' }).click();
    await expect(field(page, 'Provider'), 'which fills in the others').toBeFocused();
    await field(page, 'Provider').selectOption('Azure OpenAI');
    await expect(field(page, 'Name')).toHaveValue('Azure OpenAI');
    await expect(field(page, 'Key header')).toHaveValue('api-key');
    await field(page, 'Provider').selectOption('Ollama');
    await expect(field(page, 'Address')).toHaveValue('http://localhost:11434/v1');
    await expect(field(page, 'Key header')).toHaveValue('');
    await axe(page, 'a known provider');
    await expectFitsWidth(page);
    await field(page, 'Address').fill(baseUrl);
    await field(page, 'Key').selectOption({ label: 'Team key (sk-…def)' });
    await save(page, 'Add provider');

    const ollama = card(page, 'Ollama');
    await expect(ollama.getByText('No calls')).toBeVisible();
    await ollama.getByRole('button', { name: 'Test' }).click();
    await expect(page.getByText('Ollama works: 3 models')).toBeVisible();
    expect(authorizations).toEqual(['Bearer sk-0123456789abcdef']);

    await ollama.getByRole('button', { name: 'Add model' }).click();
    await page.getByRole('dialog').getByRole('checkbox', { name: 'small-1' }).check();
    await page.getByRole('dialog').getByRole('checkbox', { name: 'large-2' }).check();
    await axe(page, 'the list of a provider');
    await expectFitsWidth(page);
    await save(page, 'Add model');
    await expect(page.getByText('2 models added')).toBeVisible();
    await expect(row(page, 'small-1').getByText('No price: calls are refused. Edit to enter one.')).toBeVisible();
    await ollama.getByRole('button', { name: 'Add model' }).click();
    await expect(page.getByRole('dialog').getByRole('checkbox')).toHaveCount(1);
    await field(page, 'Name').fill('two words');
    await page.getByRole('dialog').getByRole('button', { name: 'Add model', exact: true }).click();
    await expect(field(page, 'Name')).toHaveAttribute('aria-invalid', 'true');
    await field(page, 'Name').fill('other');
    await field(page, 'Name at the provider').fill('broken');
    await save(page, 'Add model');
    await expect(row(page, 'other')).toContainText('At the provider: broken');

    await row(page, 'small-1').getByRole('button', { name: 'Edit' }).click();
    await field(page, 'Input ($)').fill('1');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await expect(field(page, 'Output ($)'), 'both are needed').toHaveAttribute('aria-invalid', 'true');
    await field(page, 'Output ($)').fill('2.5');
    await field(page, 'Context in tokens').fill('8,000');
    await page.getByRole('dialog').getByRole('button', { name: 'Add fallback' }).click();
    await page.getByRole('group', { name: 'Fallback 1' }).getByLabel('Model').selectOption('large-2 (Ollama)');
    await axe(page, 'a model');
    await expectFitsWidth(page);
    await save(page);
    await expect(row(page, 'small-1')).toContainText('$1.00 in, $2.50 out own price');
    await expect(row(page, 'small-1')).toContainText('If it fails: large-2');
    await row(page, 'small-1').getByRole('button', { name: 'Edit' }).click();
    await expect(field(page, 'Context in tokens')).toHaveValue('8000');
    await expect(field(page, 'Output ($)')).toHaveValue('2.5');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await row(page, 'other').getByRole('button', { name: 'Edit' }).click();
    await field(page, 'Allow calls although their cost is unknown').check();
    await save(page);
    await expect(row(page, 'other')).toContainText('No price. Calls are allowed, and their cost is unknown.');
    await axe(page, 'models');
    await expectFitsWidth(page);

    await row(page, 'small-1').getByRole('button', { name: 'Try it' }).click();
    await expect(field(page, 'Model').locator('option:checked')).toHaveText('small-1');
    await axe(page, 'a prompt');
    await expectFitsWidth(page);
    await field(page, 'Prompt').fill('Say “hello”.');
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    const answer = page.getByRole('region', { name: 'Answer' });
    await expect(answer.getByText('Hello there')).toBeVisible();
    await expect(answer).toContainText('7 in, 2 out');
    await expect(answer).toContainText('Cost$0.000012');
    await axe(page, 'an answer');
    await expectFitsWidth(page);
    await field(page, 'Model').selectOption('other');
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await expect(page.getByRole('dialog').getByRole('alert')).toContainText('This model is broken.');
    await page.route('**/console/models/try', (route) => route.fulfill({ contentType: 'text/event-stream', body: 'data: [DONE]\n\n' }));
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await expect(answer.getByText('No text was received.')).toBeVisible();
    await page.unrouteAll();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await row(page, 'other').getByRole('button', { name: 'Try it' }).click();
    await expect(field(page, 'Prompt'), 'is kept').toHaveValue('Say “hello”.');
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await expect(async () => {
      await open(page, '/settings/providers');
      await expect(ollama.getByText(/^2 calls, 1 failed, \$0\.000012/)).toBeVisible({ timeout: 500 });
    }).toPass();
  });
});

test('an alias stands for several models', async ({ page, server, owner: _ }) => {
  const request = { name: 'OpenAI', style: 'openai', base_url: 'https://llm.example.com/v1' };
  const { id } = await call(page, server, 'providers/create', { request });
  for (const name of ['small', 'medium', 'large']) {
    await call(page, server, 'providers/create-model', { provider: id, request: { name } });
  }
  await open(page, '/settings/providers');
  await page.getByRole('button', { name: 'Add alias' }).click();
  const target = (number: number) => page.getByRole('group', { name: `Model ${number}`, exact: true });
  await field(page, 'Name').fill('fast');
  await page.getByRole('dialog').getByRole('button', { name: 'Add alias', exact: true }).click();
  await expect(page.getByText('Model 1: choose a model.')).toBeVisible();
  await axe(page, 'an alias, invalid');
  await target(1).getByLabel('Model').selectOption('small (OpenAI)');
  await target(1).getByLabel('Weight').fill('3');
  await page.getByRole('dialog').getByRole('button', { name: 'Add model' }).click();
  await expect(target(2).getByLabel('Model')).toBeFocused();
  await target(2).getByLabel('Model').selectOption('medium (OpenAI)');
  await page.getByRole('dialog').getByRole('button', { name: 'Add model' }).click();
  await target(3).getByLabel('Model').selectOption('large (OpenAI)');
  await target(3).getByLabel('Priority').fill('2');
  await axe(page, 'an alias');
  await expectFitsWidth(page);
  await save(page, 'Add alias');
  await expect(row(page, 'fast')).toContainText('small (75 %), medium (25 %), then large');
  await axe(page, 'aliases');
  await expectFitsWidth(page);

  // A model of an alias is kept.
  await row(page, 'large').getByRole('button', { name: 'Delete' }).click();
  const confirmation = page.getByRole('alertdialog', { name: 'Delete this model?' });
  await confirmation.getByRole('button', { name: 'Delete' }).click();
  await expect(confirmation.getByRole('alert')).toContainText('fast');
  await axe(page, 'a model of an alias');
  await confirmation.getByRole('button', { name: 'Cancel' }).click();

  await row(page, 'fast').getByRole('button', { name: 'Edit' }).click();
  await target(2).getByRole('button', { name: 'Remove' }).click();
  await expect(target(2).getByLabel('Model').locator('option:checked')).toHaveText('large (OpenAI)');
  await field(page, 'Name').fill('small');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await expect(field(page, 'Name'), 'the name of a model').toHaveAttribute('aria-invalid', 'true');
  await field(page, 'Name').fill('quick');
  await save(page);
  await expect(row(page, 'quick')).toContainText('small, then large');
  await row(page, 'quick').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('alertdialog', { name: 'Delete this alias?' }).getByRole('button', { name: 'Delete' }).click();
  await expect(row(page, 'quick')).toHaveCount(0);
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
