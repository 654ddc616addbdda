// Agent keys: the models that they may call, their budgets, and calls of models. Also the budgets of client keys, members and the organization.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Locator, Page } from '@playwright/test';
import { axe, call, copyAndClose, createKey, expect, expectFitsWidth, open, openModels, row, test } from './fixtures';
import { withUpstream } from './models';
import type { Server } from './server';

const dialog = (page: Page): Locator => page.getByRole('dialog');
const button = (page: Page, name: string): Locator => dialog(page).getByRole('button', { name, exact: true });
const field = (page: Page, name: string): Locator => dialog(page).getByLabel(name, { exact: true });

/** Creates a provider and its models. */
async function addProvider(
  page: Page,
  server: Server,
  style: 'openai' | 'anthropic',
  models: string[],
  link: { base_url: string; key: string | null } = { base_url: `https://${style}.example.com`, key: null },
): Promise<void> {
  const { id } = await call(page, server, 'providers/create', { request: { name: style, style, ...link } });
  for (const name of models) {
    await call(page, server, 'providers/create-model', { provider: id, request: { name, allow_unpriced: true } });
  }
}

async function openCreateDialog(page: Page, name: string): Promise<void> {
  await open(page, '/keys/agent');
  await page.getByRole('button', { name: 'Create API Key' }).click();
  await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
  await field(page, 'API Key Name').fill(name);
}

/** Fills in a budget in the open dialog. */
async function fillBudget(page: Page, limit: string, unit: string, period: string): Promise<void> {
  await field(page, 'Budget').selectOption('Limited');
  await field(page, 'At most').fill(limit);
  await field(page, 'Unit').selectOption(unit);
  await field(page, 'Resets').selectOption(period);
}

/** Saves the open dialog and waits until it is closed. */
async function save(page: Page): Promise<void> {
  await button(page, 'Save').click();
  await expect(dialog(page)).toHaveCount(0);
}

/** The only key of a kind, from the REST API. */
async function onlyKey(server: Server, internalKey: string, kind: string): Promise<any> {
  const { items } = await server.get(internalKey, `/keys?kind=${kind}`);
  expect(items).toHaveLength(1);
  return items[0];
}

test.use({ environment: { LATCHKEY_ALLOW_OUTGOING: '127.0.0.0/8' }, expectedErrors: [422] });

test('a new agent key has the default budget', { tag: '@widths' }, async ({ page, server, internalKey }) => {
  await open(page, '/settings/organization');
  const card = page.getByRole('region', { name: 'Language models' });
  await expect(card.getByText('No budget')).toHaveCount(2);
  await axe(page, 'no budgets');
  await expectFitsWidth(page);
  await card.getByRole('button', { name: 'Change default' }).click();
  await fillBudget(page, 'ten', 'US dollars', 'Every month');
  await button(page, 'Save').click();
  await expect(field(page, 'At most')).toHaveAccessibleDescription(/^Enter an amount like 12\.50/);
  await axe(page, 'a budget, invalid');
  await expectFitsWidth(page);
  await field(page, 'At most').fill('10');
  await save(page);
  await expect(page.locator('.toast', { hasText: 'Budget saved' })).toBeVisible();
  await expect(card.getByText('$10.00 every month')).toBeVisible();

  await openCreateDialog(page, 'nightly-build');
  await expect(dialog(page).getByText('All models · default budget')).toBeVisible();
  await openModels(page);
  await expect(field(page, 'Budget').locator('option:checked')).toHaveText('Organization’s default');
  await expect(field(page, 'Budget')).toHaveAccessibleDescription('$10.00 every month');
  await axe(page, 'the default budget of a new key');
  await expectFitsWidth(page);
  await button(page, 'Save').click();
  await copyAndClose(page);
  await expect(row(page, 'nightly-build')).toContainText('$0.00 of $10.00 every month');
  const budget = { limit: '10', unit: 'usd', period: 'month', spent: '0' };
  expect(await onlyKey(server, internalKey, 'agent')).toMatchObject({ models: null, budget });

  // The key keeps its budget when the default is removed.
  await open(page, '/settings/organization');
  await card.getByRole('button', { name: 'Change default' }).click();
  await expect(field(page, 'At most')).toHaveValue('10');
  await field(page, 'Budget').selectOption('No budget');
  await save(page);
  await expect(card.getByText('No budget')).toHaveCount(2);
  expect((await onlyKey(server, internalKey, 'agent')).budget).toMatchObject({ limit: '10' });
});

test('models, budget and limits of a key are set, listed, changed and removed', { tag: '@widths' }, async ({ page, server, internalKey }) => {
  await addProvider(page, server, 'openai', ['gpt-4o', 'text-embedding-3']);
  await addProvider(page, server, 'anthropic', ['claude-sonnet']);
  await openCreateDialog(page, 'nightly-build');
  const section = await openModels(page);
  await section.getByRole('radio', { name: 'Only these' }).check();
  await button(page, 'Save').click();
  await expect(field(page, 'Names')).toHaveAccessibleDescription(/^Enter at least one model\./);
  const suggestions = section.getByRole('group', { name: 'Suggestions' }).getByRole('button');
  await expect(suggestions).toHaveText(['claude-sonnet', 'gpt-4o', 'text-embedding-3']);
  await axe(page, 'suggested models');
  await expectFitsWidth(page);
  await field(page, 'Names').pressSequentially('clau');
  await expect(suggestions).toHaveText(['claude-sonnet']);
  await suggestions.click();
  await expect(field(page, 'Names')).toBeFocused();
  await expect(field(page, 'Names')).toHaveValue('');
  await expect(suggestions).toHaveText(['gpt-4o', 'text-embedding-3']);
  await field(page, 'Names').fill('gpt-*');
  await fillBudget(page, '1,000,000', 'Tokens', 'Every day');
  await field(page, 'Tokens per minute').fill('0');
  await button(page, 'Save').click();
  await expect(field(page, 'Tokens per minute')).toHaveAccessibleDescription(/^Enter a number from 1 /);
  await field(page, 'Tokens per minute').fill('100,000');
  await field(page, 'Parallel calls').fill('5');
  await section.getByRole('checkbox', { name: 'Log request and response bodies' }).check();
  await section.locator('summary').click();
  await expect(dialog(page).getByText('2 models · 1,000,000 tokens every day · 100,000 tokens/min · 5 in parallel · bodies logged')).toBeVisible();
  await button(page, 'Save').click();
  await copyAndClose(page);

  const summary = row(page, 'nightly-build').getByText('2 models · 0 of 1,000,000 tokens every day · 100,000 tokens/min · 5 in parallel · bodies logged');
  await expect(summary).toHaveAttribute('title', /^Models: claude-sonnet, gpt-\*\nBudget: 0 of 1,000,000 tokens every day\nAt most 100,000 tokens in any minute/);
  const key = await onlyKey(server, internalKey, 'agent');
  expect(key).toMatchObject({
    models: ['claude-sonnet', 'gpt-*'],
    budget: { limit: 1_000_000, unit: 'tokens', period: 'day' },
    tokens_per_minute: 100_000,
    max_parallel: 5,
    log_bodies: true,
  });

  await row(page, 'nightly-build').getByRole('button', { name: 'Edit' }).click();
  await openModels(page);
  await expect(field(page, 'Budget')).toHaveAccessibleDescription(/^Spent 0 of 1,000,000 tokens every day, resets /);
  await expect(dialog(page).locator('.token')).toHaveText(['claude-sonnet', 'gpt-*']);
  await dialog(page).getByRole('radio', { name: 'All models' }).check();
  await field(page, 'Budget').selectOption('No budget');
  await field(page, 'Parallel calls').fill('');
  await dialog(page).getByRole('checkbox', { name: 'Log request and response bodies' }).uncheck();
  await save(page);
  await expect(row(page, 'nightly-build').getByText('100,000 tokens/min', { exact: true })).toHaveCount(1);
  expect(await server.get(internalKey, `/keys/${key.id}`)).toMatchObject({ models: null, budget: null, tokens_per_minute: 100_000, max_parallel: null, log_bodies: false });
});

test('a client key calls no models until it is permitted', { tag: '@once' }, async ({ page, server, internalKey }) => {
  await open(page, '/keys/client');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await field(page, 'Name').fill('mobile app');
  await expect(dialog(page).getByText('No models', { exact: true }).first()).toBeVisible();
  await button(page, 'Submit').click();
  await copyAndClose(page);
  const key = await onlyKey(server, internalKey, 'client');
  expect(key).toMatchObject({ models: null, budget: null });

  await row(page, 'mobile app').getByRole('button', { name: 'Edit' }).click();
  await openModels(page);
  await expect(dialog(page).getByRole('radio', { name: 'No models' })).toBeChecked();
  await dialog(page).getByRole('radio', { name: 'All models' }).check();
  await fillBudget(page, '0.5', 'US dollars', 'Never');
  await save(page);
  await expect(row(page, 'mobile app')).toContainText('All models · $0.00 of $0.50 in all');
  expect(await server.get(internalKey, `/keys/${key.id}`)).toMatchObject({ models: ['*'], budget: { limit: '0.5', period: 'none', resets_at: null } });
});

test('the budgets of the organization and of a member are set', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addUser('member', owner.organization, 'Grace Hopper');
  await open(page, '/settings/members');
  const edit = async () => {
    await row(page, 'Grace Hopper').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Change budget' }).click();
    await expect(dialog(page)).toContainText('Grace Hopper');
  };
  await edit();
  await axe(page, 'the budget of a member');
  await fillBudget(page, '5', 'US dollars', 'Every week');
  await save(page);
  await expect(page.locator('.toast', { hasText: 'Budget saved' })).toBeVisible();
  await expect(row(page, 'Grace Hopper')).toContainText('Spent $0.00 of $5.00 every week');
  await edit();
  await expect(dialog(page)).toContainText('Spent $0.00 of $5.00 every week');
  await expect(field(page, 'At most')).toHaveValue('5');
  await expect(field(page, 'Resets').locator('option:checked')).toHaveText('Every week');
  await button(page, 'Cancel').click();

  await open(page, '/settings/organization');
  const card = page.getByRole('region', { name: 'Language models' });
  await card.getByRole('button', { name: 'Change budget' }).click();
  await fillBudget(page, '100', 'US dollars', 'Every month');
  await save(page);
  await expect(card.getByText('$0.00 of $100.00 every month')).toBeVisible();
  await expect(card.getByText('Kept for 30 days')).toBeVisible();
  await card.getByRole('button', { name: 'Change days' }).click();
  await field(page, 'Days').fill('9999');
  await button(page, 'Save').click();
  await expect(field(page, 'Days')).toHaveAccessibleDescription(/^Enter a number from 0 to 3,650\./);
  await field(page, 'Days').fill('0');
  await save(page);
  await expect(card.getByText('Not kept')).toBeVisible();
});

test('a stored key is linked, used and deleted', { tag: '@once' }, async ({ page, server, owner: _ }) => {
  await withUpstream(['gpt-4o'], async ({ baseUrl, authorizations }) => {
    const { id } = await call(page, server, 'credentials/create-general', { name: 'Team key', value: 'sk-0123456789abcdef' });
    await addProvider(page, server, 'openai', ['gpt-4o'], { base_url: baseUrl, key: id });
    await open(page, '/keys/agent');
    const key = await createKey(page, 'nightly-build');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await button(page, 'Copy').first().click();
    const tabs = dialog(page).getByRole('tablist', { name: 'Code' }).getByRole('tab');
    await expect(tabs).toContainText(['Python (OpenAI)', 'JavaScript (OpenAI)', 'Python (Anthropic)', 'JavaScript (Anthropic)', 'cURL']);
    await expect(dialog(page).getByRole('tabpanel')).toContainText('model="gpt-4o"');
    await tabs.filter({ hasText: 'Python (Anthropic)' }).click();
    await expect(dialog(page).getByRole('tabpanel'), 'no model has this API').toContainText('model="MODEL"');
    await tabs.filter({ hasText: 'cURL' }).click();
    await axe(page, 'code that calls a model');
    const code = (await dialog(page).getByRole('tabpanel').textContent()) ?? '';
    expect(code).toContain(key);

    const env = { ...process.env, no_proxy: '*', NO_PROXY: '*' };
    // Not synchronous: the upstream is in this process.
    const run = async () => JSON.parse((await promisify(execFile)('sh', ['-c', code], { env })).stdout);
    expect(await run()).toMatchObject({ choices: [{ message: { content: 'Hello there' } }], usage: { total_tokens: 9 } });
    expect(authorizations).toEqual(['Bearer sk-0123456789abcdef']);
    await expect(dialog(page).getByText('First request just now')).toBeVisible({ timeout: 20_000 });
    await button(page, 'Done').click();

    await open(page, '/keys/general');
    await expect(row(page, 'Team key')).toContainText('openai');
    await row(page, 'Team key').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await expect(page.getByText('Key deleted')).toBeVisible();
    const { error } = await run();
    expect(error).toMatchObject({ code: 'credential_missing' });
    expect(error.message).toContain('gpt-4o');
    expect(authorizations).toHaveLength(1);
  });
});
