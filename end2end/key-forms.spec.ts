// The forms that create and edit keys: order, defaults, live hints, and errors as early as they help.

import type { Locator, Page } from '@playwright/test';
import { authenticate, axe, copyAndClose, expect, expectFitsWidth, mockCredentialTest, open, openLimits, row, test } from './fixtures';

const dialog = (page: Page): Locator => page.getByRole('dialog');
const button = (page: Page, name: string): Locator => dialog(page).getByRole('button', { name, exact: true });
const field = (page: Page, name: string): Locator => dialog(page).getByLabel(name, { exact: true });

async function openCreateDialog(page: Page, kind: string): Promise<void> {
  await open(page, `/keys/${kind}`);
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(dialog(page)).toBeVisible();
}

/** A day in the format of the page, this number of days from now. */
function dayIn(days: number): string {
  const date = new Date(Date.now() + days * 86_400_000);
  return date.toLocaleDateString('en', { weekday: 'short', month: 'short', day: 'numeric', year: 'numeric', timeZone: 'Europe/Berlin' });
}

test('the form of a client key has what is needed first', { tag: '@widths' }, async ({ page, owner: _ }) => {
  await openCreateDialog(page, 'client');
  const labels = await dialog(page).locator('label, summary > :first-child').allTextContents();
  expect(labels.slice(0, 6)).toEqual(['Name', 'External ID', 'Scopes', 'Duration', 'Metadata', 'Limits']);
  await expect(field(page, 'Name')).not.toHaveAccessibleDescription(/Optional/);
  for (const name of ['External ID', 'Scopes', 'Metadata']) {
    await expect(field(page, name)).toHaveAccessibleDescription(/Optional$/);
  }
  await expect(field(page, 'Duration')).toHaveAccessibleDescription('No expiry');
  await field(page, 'Duration').selectOption('30 days');
  await expect(field(page, 'Duration')).toHaveAccessibleDescription(`Expires ${dayIn(30)}`);

  await expect(dialog(page).getByText('Rate limits, credits, allowed addresses')).toBeVisible();
  await openLimits(page);
  await field(page, 'Allowed addresses').fill('192.0.2.1');
  await dialog(page).getByText('Limits', { exact: true }).click();
  await expect(dialog(page).getByText('1 network')).toBeVisible();
  await axe(page, 'a form whose section of limits is closed');
  await expectFitsWidth(page);
});

test('scopes of other keys are suggested', { tag: '@once' }, async ({ page, server, internalKey }) => {
  for (const scopes of [['orders:read', 'refunds'], ['orders:read']]) {
    await server.api(internalKey, '/keys', { kind: 'client', name: `with ${scopes.length} scopes`, scopes });
  }
  await openCreateDialog(page, 'client');
  const suggestions = dialog(page).getByRole('group', { name: 'Suggestions' }).getByRole('button');
  await expect(suggestions).toHaveText(['orders:read', 'refunds']);
  await axe(page, 'suggested scopes');
  await expectFitsWidth(page);
  await suggestions.first().click();
  await expect(dialog(page).locator('.token')).toHaveText(['orders:read']);
  await expect(field(page, 'Scopes')).toBeFocused();
  await expect(suggestions).toHaveText(['refunds']);
  await field(page, 'Scopes').pressSequentially('orders:w');
  await expect(dialog(page).getByRole('group', { name: 'Suggestions' })).toBeHidden();
});

test('scopes become tokens', { tag: '@once' }, async ({ page, server, internalKey }) => {
  await openCreateDialog(page, 'client');
  await field(page, 'Name').fill('mobile app');
  const scopes = field(page, 'Scopes');
  const tokens = dialog(page).locator('.token');
  await scopes.pressSequentially('orders:read,orders:write ');
  await expect(tokens).toHaveText(['orders:read', 'orders:write']);
  await scopes.pressSequentially('größe');
  await scopes.press('Enter');
  await expect(dialog(page), 'Enter completes a token').toBeVisible();
  await expect(tokens).toHaveText(['orders:read', 'orders:write', 'größe']);
  await axe(page, 'scopes, one of them invalid');
  await button(page, 'Submit').click();
  await expect(scopes).toHaveAccessibleDescription(/^A scope is/);
  await button(page, 'Remove größe').click();
  await expect(scopes).toBeFocused();
  await expect(scopes).not.toHaveAttribute('aria-invalid');
  await scopes.press('Backspace');
  await expect(scopes, 'can be edited').toHaveValue('orders:write');
  await scopes.fill('orders:list, orders:list refunds');
  await button(page, 'Submit').click();
  await copyAndClose(page);
  const { items } = await server.get(internalKey, '/keys?kind=client');
  expect(items[0].scopes).toEqual(['orders:read', 'orders:list', 'refunds']);

  await row(page, 'mobile app').getByRole('button', { name: 'Edit' }).click();
  await expect(tokens).toHaveText(['orders:read', 'orders:list', 'refunds']);
  await button(page, 'Remove refunds').click();
  await button(page, 'Save').click();
  await expect(dialog(page)).toHaveCount(0);
  expect((await server.get(internalKey, `/keys/${items[0].id}`)).scopes).toEqual(['orders:read', 'orders:list']);
});

test('metadata is checked and formatted', { tag: '@once' }, async ({ page, owner: _ }) => {
  await openCreateDialog(page, 'client');
  const metadata = field(page, 'Metadata');
  await metadata.pressSequentially('{"plan":"pro, {basic}",');
  await expect(dialog(page).getByText('Not valid yet')).toBeVisible();
  await metadata.pressSequentially('"n":12345678901234567890}');
  await expect(dialog(page).getByText('Valid · 48 of 4,096 bytes')).toBeVisible();
  await field(page, 'Duration').focus();
  await expect(metadata, 'long numbers are not rounded').toHaveValue('{\n  "plan": "pro, {basic}",\n  "n": 12345678901234567890\n}');
});

test('the error of a changed field is shown when it is left', { tag: '@once' }, async ({ page, owner: _ }) => {
  await openCreateDialog(page, 'client');
  await field(page, 'Name').press('Tab');
  await expect(field(page, 'External ID')).toBeFocused();
  await expect(dialog(page).locator('[aria-invalid]'), 'nothing was changed').toHaveCount(0);
  await field(page, 'Name').fill('a');
  await field(page, 'Name').fill('');
  await expect(field(page, 'Name')).not.toHaveAttribute('aria-invalid');
  await field(page, 'Name').press('Tab');
  await expect(field(page, 'Name')).toHaveAccessibleDescription(/^Enter a name\. Who uses this key/);
  await expect(dialog(page).locator('[aria-invalid]')).toHaveCount(1);

  // All errors at once.
  await openLimits(page);
  await field(page, 'Metadata').fill('plan');
  await field(page, 'Allowed addresses').fill('example.com');
  await dialog(page).getByText('Limits', { exact: true }).click();
  await button(page, 'Submit').click();
  await expect(field(page, 'Name')).toBeFocused();
  await expect(dialog(page).locator('[aria-invalid]')).toHaveCount(3);
  await expect(field(page, 'Allowed addresses'), 'its section is opened').toBeVisible();
});

test('Ctrl and Enter submit the form', { tag: '@once' }, async ({ page, owner: _ }) => {
  await openCreateDialog(page, 'client');
  await field(page, 'Name').fill('mobile app');
  await field(page, 'Metadata').fill('{"plan": "pro"}');
  await field(page, 'Metadata').press('Control+Enter');
  await copyAndClose(page);
  await expect(row(page, 'mobile app')).toBeVisible();
});

test('an internal key has presets and access levels', { tag: '@widths' }, async ({ page, server, internalKey }) => {
  await openCreateDialog(page, 'internal');
  await field(page, 'Name').fill('reader');
  const labels = await dialog(page).locator('label').allTextContents();
  expect(labels).toEqual(['Name', 'Duration', 'Full access', 'Read only', 'Verify only', 'Custom']);
  await expect(dialog(page).getByRole('radio', { name: 'Full access' })).toBeChecked();
  await dialog(page).getByRole('radio', { name: 'Custom' }).check();
  await axe(page, 'access levels of an internal key');
  await expectFitsWidth(page);
  await button(page, 'Submit').click();
  await expect(dialog(page).getByText('Select at least one scope.')).toBeVisible();
  await field(page, 'Keys').selectOption('Read and write');
  await expect(dialog(page).getByText('Select at least one scope.')).toHaveCount(0);
  await field(page, 'Verification').selectOption('Verify keys');
  await button(page, 'Submit').click();
  await expect(row(page, 'reader')).toBeVisible();
  const { items } = await server.get(internalKey, '/keys?kind=internal');
  expect(items.find(({ name }: { name: string }) => name === 'reader').scopes).toEqual(['keys:read', 'keys:write', 'verify']);
});

test('many corpora can be searched and counted', { tag: '@widths' }, async ({ page, server, internalKey }) => {
  for (let index = 1; index <= 9; index += 1) {
    await server.api(internalKey, '/corpora', { name: index === 5 ? 'Release notes' : `handbook ${index}` });
  }
  await openCreateDialog(page, 'corpus');
  await expect(field(page, 'API access')).toHaveAccessibleDescription('Search only');
  await expect(dialog(page).getByText('0 of 9 selected')).toBeVisible();
  const search = dialog(page).getByRole('searchbox', { name: 'Filter' });
  await search.fill('release');
  await expect(dialog(page).getByRole('checkbox')).toHaveCount(1);
  await search.press('Enter');
  await expect(field(page, 'Name'), 'the form was not submitted').not.toHaveAttribute('aria-invalid');
  await button(page, 'Select all').click();
  await search.fill('');
  await expect(dialog(page).getByRole('checkbox')).toHaveCount(9);
  await expect(dialog(page).getByText('1 of 9 selected')).toBeVisible();
  await expect(dialog(page).getByRole('checkbox', { name: 'Release notes' })).toBeChecked();
  await axe(page, 'many corpora');
  await expectFitsWidth(page);
  await button(page, 'Select all').click();
  await expect(dialog(page).getByText('9 of 9 selected')).toBeVisible();
  await button(page, 'Clear').click();
  await expect(dialog(page).getByText('0 of 9 selected')).toBeVisible();
});

test.describe('credentials', () => {
  test('of a provider with a key can be replaced instead', { tag: '@widths' }, async ({ page, server, internalKey }) => {
    const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
    const aws = { kind: 'external', name: 'bucket', provider: 'aws', key: 'AKIAIOSFODNN7EXAMPLE', secret, region: 'us-east-1', duration_days: 30 };
    await server.api(internalKey, '/credentials', aws);
    await mockCredentialTest(page, 'refused', 'Amazon Web Services rejects this key.');
    await openCreateDialog(page, 'external');
    await expect(field(page, 'Provider'), 'the one without a key').toHaveValue('dnanexus');
    await field(page, 'Provider').selectOption('Amazon Web Services');
    await expect(dialog(page).getByText('You already have a key for Amazon Web Services: “bucket”.')).toBeVisible();
    await axe(page, 'a provider that has a key');
    await expectFitsWidth(page);
    await button(page, 'Replace').click();

    await expect(page.getByRole('heading', { name: 'Replace external key' })).toBeVisible();
    await expect(field(page, 'Key')).toBeFocused();
    await button(page, 'Replace').click();
    await expect(dialog(page).locator('[aria-invalid]')).toHaveCount(3);
    await field(page, 'Key').fill('AKIAIOSFODNN7EXAMPLF');
    await field(page, 'Secret').fill(`${secret}2`);
    await field(page, 'Region').fill('eu-central-1');
    await field(page, 'Duration').selectOption('365 days');
    await button(page, 'Replace').click();
    await expect(page.locator('.toast', { hasText: 'Key replaced' })).toBeVisible();
    await expect(row(page, 'bucket')).toContainText('eu-central-1');
    await expect(page.locator('.toast', { hasText: '“bucket”: Amazon Web Services rejects this key.' }), 'tested at once').toBeVisible();
    const { items } = await server.get(internalKey, '/credentials?kind=external');
    expect(items).toMatchObject([{ name: 'bucket', region: 'eu-central-1' }]);

    await row(page, 'bucket').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Replace…' }).click();
    await expect(dialog(page)).toContainText('bucket (Amazon Web Services) keeps its label.');
  });

  test('of a language model name their provider', { tag: '@once' }, async ({ page, owner: _ }) => {
    await open(page, '/keys/general');
    await page.getByRole('button', { name: 'New API Key' }).click();
    const value = field(page, 'API Key Value');
    await value.fill('sk-ant-api03-0123456789');
    await expect(value).toHaveAccessibleDescription(/Looks like a key of Anthropic\.$/);
    await value.fill('sk-0123456789');
    await expect(value).not.toHaveAccessibleDescription(/Looks like/);
  });
});

test.describe('after the session has ended', { tag: '@once' }, () => {
  test.use({ expectedErrors: [401] });

  test('a form keeps what was typed', async ({ page, context, server, owner }) => {
    await openCreateDialog(page, 'client');
    await field(page, 'Name').fill('mobile app');
    await context.clearCookies();
    await button(page, 'Submit').click();
    await expect(dialog(page).getByRole('alert')).toContainText('You are signed out.');
    const link = dialog(page).getByRole('link', { name: 'Sign in again' });
    await expect(link).toHaveAttribute('target', '_blank');
    await expect(link).toHaveAttribute('href', '/sign-in');
    await axe(page, 'a form after the session has ended');
    await authenticate(context, server, owner);
    await expect(field(page, 'Name')).toHaveValue('mobile app');
    await button(page, 'Submit').click();
    await copyAndClose(page);
    await expect(row(page, 'mobile app')).toBeVisible();
  });
});
