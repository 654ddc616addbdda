// Each kind of key on its tab: created, revealed, filtered, disabled, rotated, edited and deleted. Elements are found by role and accessible name.

import type { Page } from '@playwright/test';
import {
  axe,
  confirmWithNumber,
  copyAndClose,
  expect,
  expectFitsWidth,
  filter,
  mockCredentialTest,
  open,
  openLimits,
  row,
  rows,
  switchUser,
  test,
  waitForHydration,
} from './fixtures';

const KINDS = [
  { kind: 'internal', tab: 'Internal', create: 'Create', title: 'Create internal key', purpose: /One is typically enough/ },
  { kind: 'client', tab: 'Client', create: 'Create', title: 'Create client key', purpose: /the callers of your own API/ },
  { kind: 'agent', tab: 'Agent API Key', create: 'Create API Key', title: 'Create Agent API Key', purpose: /90 days/ },
  { kind: 'corpus', tab: 'Corpus', create: 'Create', title: 'Create corpus key', purpose: /anonymous callers access/ },
  { kind: 'external', tab: 'External', create: 'Create', title: 'Add external key', purpose: /pull sample files/ },
  { kind: 'general', tab: 'General Key', create: 'New API Key', title: 'New API Key', purpose: /link it to a provider, model or service/ },
];

const checkPage = async (page: Page, state: string) => {
  await axe(page, state);
  await expectFitsWidth(page);
};
const dialog = (page: Page, name: string) => page.getByRole('dialog', { name, exact: true });
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const toast = (page: Page, text: string | RegExp) => page.locator('.toast').filter({ hasText: text });

/** Opens a row's menu and chooses from it. */
async function choose(page: Page, name: string, item: string): Promise<void> {
  await row(page, name).getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: item, exact: true }).click();
}

test('tabs are in order and describe their kinds', async ({ page, owner }) => {
  await open(page, '/keys');
  await expect(page).toHaveURL('/keys/internal');
  await expect(page.getByRole('tab')).toHaveText(KINDS.map(({ tab }) => tab));
  for (const { tab, purpose, create, title } of KINDS) {
    await page.getByRole('tab', { name: tab, exact: true }).click();
    await expect(page.getByRole('tab', { name: tab, exact: true, selected: true })).toBeVisible();
    await expect(page.getByRole('tabpanel')).toContainText(purpose);
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    await checkPage(page, `${tab}, empty`);
    await page.getByRole('button', { name: /your first key$/ }).click();
    await expect(dialog(page, title)).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(dialog(page, title)).toHaveCount(0);
    await expect(button(page, create)).toBeVisible();
  }
  await button(page, owner.name).click();
  await page.getByRole('menuitem', { name: 'API Keys' }).click();
  await expect(page).toHaveURL('/keys/internal');
});

test('tabs show how many keys there are', { tag: '@once' }, async ({ page, server, owner, internalKey }) => {
  server.addManyKeys(owner, 3, 'client');
  await open(page, '/keys/internal');
  const expectNumber = async (tab: string, number: string) => {
    await expect(page.getByRole('tab', { name: tab, exact: true }).locator('.tab-number')).toHaveAttribute('data-number', number);
  };
  await expectNumber('Internal', '1');
  await expectNumber('Client', '3');
  await expectNumber('Corpus', '');
  await page.getByRole('tab', { name: 'Client', exact: true }).click();
  await expect(rows(page)).toHaveCount(3);
  await server.api(internalKey, '/keys', { kind: 'client', name: 'mobile app' });
  await button(page, 'Reload').click();
  await expect(row(page, 'mobile app')).toBeVisible();
  await expectNumber('Client', '4');
  await page.getByRole('searchbox').fill('mobile');
  await expect(rows(page)).toHaveCount(1);
  await expectNumber('Client', '4');
  await expectNumber('Internal', '1');
});

for (const { kind, tab } of KINDS.filter(({ kind }) => !['external', 'general'].includes(kind))) {
  test(`${kind} keys are selected, disabled, enabled and deleted`, { tag: '@once' }, async ({ page, server, owner }) => {
    server.addManyKeys(owner, 4, kind);
    await open(page, '/profile');
    await page.getByRole('link', { name: 'API Keys', exact: true }).click();
    await page.getByRole('tab', { name: tab, exact: true }).click();
    const runAction = (name: string) => page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name }).click();
    await page.getByRole('checkbox', { name: 'Select key 000001' }).click();
    await page.getByRole('checkbox', { name: 'Select key 000003' }).click({ modifiers: ['Shift'] });
    await runAction('Disable');
    await expect(row(page, 'key 000002').getByText('Disabled', { exact: true })).toBeVisible();
    await expect(row(page, 'key 000004').getByText('Active', { exact: true })).toBeVisible();
    await page.getByRole('checkbox', { name: 'Select all' }).click();
    await runAction('Enable');
    await expect(page.getByText('4 keys enabled.')).toBeVisible();
    await expect(page.getByRole('cell').getByText('Disabled', { exact: true })).toHaveCount(0);
    await page.getByRole('checkbox', { name: 'Select all' }).click();
    await page.getByRole('checkbox', { name: 'Select key 000004' }).click();
    await runAction('Delete');
    await confirmWithNumber(page, 'Delete', 3);
    await expect(rows(page)).toHaveCount(1);
    await expect(row(page, 'key 000004')).toBeVisible();
  });
}

test('a tab keeps its search, filter and order', { tag: '@once' }, async ({ page, server, owner, internalKey }) => {
  await server.addKey(internalKey, 'nightly-build');
  await open(page, '/keys/agent');
  await page.getByRole('searchbox').fill('nightly');
  await (await filter(page, 'Status')).selectOption('Active');
  await page.getByRole('columnheader', { name: 'Key Name' }).getByRole('button').click();
  const url = '/keys/agent?q=nightly&status=active&sort=name';
  await expect(page).toHaveURL(url);
  await page.getByRole('tab', { name: 'Client' }).click();
  await expect(page).toHaveURL('/keys/client');
  await page.getByRole('tab', { name: 'Agent API Key' }).click();
  await expect(page).toHaveURL(url);
  await expect(page.getByRole('searchbox')).toHaveValue('nightly');
  await expect(row(page, 'nightly-build')).toBeVisible();
  await expect(button(page, owner.name)).toBeVisible();
});

test('a viewer sees the permitted tabs without buttons', { tag: '@once' }, async ({ page, server, owner, internalKey }) => {
  await server.addKey(internalKey, 'nightly-build');
  await switchUser(page, server, server.addUser('viewer', owner.organization));
  await open(page, '/keys');
  await expect(page).toHaveURL('/keys/client');
  await expect(page.getByRole('tab')).toHaveText(['Client', 'Agent API Key', 'Corpus']);
  await page.getByRole('tab', { name: 'Agent API Key' }).click();
  await expect(row(page, 'nightly-build')).toBeVisible();
  await expect(page.getByRole('checkbox')).toHaveCount(0);
  await expect(button(page, 'Actions')).toHaveCount(0);
  await expect(button(page, 'Delete')).toHaveCount(0);
  await checkPage(page, 'the list of a viewer');
});

test('an internal key is shown once, in its row', async ({ page, context, owner, server, internalKey }) => {
  test.setTimeout(120_000);
  server.addManyKeys(owner, 200, 'internal');
  await open(page, '/keys/internal');
  await button(page, 'Create').click();
  await expect(page.getByLabel('Name', { exact: true })).toBeFocused();
  await expect(page.getByRole('group', { name: 'Scopes' }).getByRole('radio', { name: 'Full access' })).toBeChecked();
  await checkPage(page, 'the create dialog');
  await button(page, 'Submit').click();
  await expect(page.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await page.getByLabel('Name', { exact: true }).fill('gateway');
  await page.getByLabel('Duration').selectOption('Custom date…');
  await page.getByLabel('Date', { exact: true }).fill('2020-01-01');
  await button(page, 'Submit').click();
  await expect(page.getByText('Choose a future date.')).toBeVisible();
  await page.getByLabel('Duration').selectOption('90 days');
  await button(page, 'Submit').click();

  const keyRow = row(page, 'gateway');
  const secretField = keyRow.getByRole('textbox', { name: 'Secret key' });
  await expect(secretField).toHaveText(/^lki_[0-9A-Za-z]{49}$/);
  const secret = (await secretField.textContent()) ?? '';
  await expect(keyRow).toContainText('Copy this key now. It won’t be shown again after you leave or refresh.');
  await checkPage(page, 'the new row');
  expect(await server.verify(internalKey, secret)).toMatchObject({ valid: true, name: 'gateway' });

  await test.step('it stays while the list changes', async () => {
    const list = page.getByRole('region', { name: 'Internal' });
    await list.evaluate((element) => (element.scrollTop = element.scrollHeight));
    await expect(keyRow).toHaveCount(0);
    await list.evaluate((element) => (element.scrollTop = 0));
    await expect(secretField).toHaveText(secret);
    await page.getByRole('columnheader', { name: 'Name', exact: true }).getByRole('button').click();
    await expect(page).toHaveURL('/keys/internal?sort=name');
    await page.getByRole('searchbox').fill('gate');
    await expect(page).toHaveURL('/keys/internal?q=gate&sort=name');
    await expect(secretField).toHaveText(secret);
    await button(page, 'Reload').click();
    await expect(secretField).toHaveText(secret);
  });

  await test.step('leaving needs confirmation', async () => {
    const confirmation = page.getByRole('alertdialog', { name: 'Leave without copying the key?' });
    await page.getByRole('tab', { name: 'Client' }).click();
    await expect(confirmation).toBeVisible();
    await checkPage(page, 'the confirmation');
    await button(page, 'Stay').click();
    await expect(page).toHaveURL('/keys/internal?q=gate&sort=name');
    await expect(secretField).toHaveText(secret);

    const dialogType = new Promise<string>((resolve) => page.once('dialog', (each) => void each.dismiss().then(() => resolve(each.type()))));
    await page.evaluate(() => location.reload());
    expect(await dialogType).toBe('beforeunload');
    await expect(secretField).toHaveText(secret);
  });

  await test.step('after copying, a reload needs no confirmation and hides it', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await keyRow.getByRole('button', { name: 'Copy' }).click();
    await expect(keyRow.getByText('Copied', { exact: true })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
    await page.reload();
    await waitForHydration(page);
    await expect(keyRow).toContainText(`lki_…${secret.slice(-4)}`);
    expect(await page.content()).not.toContain(secret);
  });
});

test('going back with an uncopied key needs confirmation', { tag: '@once' }, async ({ page, owner }) => {
  await open(page, '/profile');
  await page.getByRole('link', { name: 'API Keys', exact: true }).click();
  await expect(page).toHaveURL('/keys/internal');
  await button(page, 'Create').click();
  await page.getByLabel('Name', { exact: true }).fill('gateway');
  await button(page, 'Submit').click();
  const secretField = row(page, 'gateway').getByRole('textbox', { name: 'Secret key' });
  await expect(secretField).toBeVisible();
  await page.goBack();
  await button(page, 'Stay').click();
  await expect(page).toHaveURL('/keys/internal');
  await expect(secretField).toBeVisible();
  await page.goBack();
  await button(page, 'Leave without copying').click();
  await expect(page.getByRole('heading', { name: 'Profile' })).toBeVisible();

  await test.step('going forward needs confirmation too', async () => {
    await page.goForward();
    await expect(page).toHaveURL('/keys/internal');
    await page.getByRole('tab', { name: 'Client', exact: true }).click();
    await expect(page).toHaveURL('/keys/client');
    await page.goBack();
    await expect(page).toHaveURL('/keys/internal');
    await button(page, 'Create').click();
    await page.getByLabel('Name', { exact: true }).fill('other gateway');
    await button(page, 'Submit').click();
    const other = row(page, 'other gateway').getByRole('textbox', { name: 'Secret key' });
    await expect(other).toBeVisible();
    await page.goForward();
    await button(page, 'Stay').click();
    await expect(page).toHaveURL('/keys/internal');
    await expect(other).toBeVisible();
    await page.goForward();
    await button(page, 'Leave without copying').click();
    await expect(page).toHaveURL('/keys/client');
    await expect(page.getByRole('tab', { name: 'Client', exact: true, selected: true })).toBeVisible();
  });
  await expect(button(page, owner.name)).toBeVisible();
});

test('a client key from creation to deletion', async ({ page, context, owner, server, internalKey }) => {
  test.setTimeout(120_000);
  await open(page, '/keys/client');
  await button(page, 'Create').click();
  await page.getByLabel('Name', { exact: true }).fill('mobile app');
  await dialog(page, 'Create client key').getByLabel('External ID').fill('customer-7');
  await openLimits(page);
  await page.getByLabel('Metadata').fill('{"plan": {"deep": 1}}');
  await page.getByLabel('Scopes').fill('read, write');
  await checkPage(page, 'the create dialog');
  await button(page, 'Submit').click();
  await expect(page.getByText('Values must be strings, numbers, booleans or null.')).toBeVisible();
  await expect(page.getByLabel('Metadata')).toBeFocused();
  await page.getByLabel('Metadata').fill('{"plan": "pro"}');
  await button(page, 'Submit').click();
  const secret = page.getByRole('dialog').getByText(/^lkc_\w+$/);
  await expect(secret).toBeVisible();
  const key = (await secret.textContent()) ?? '';
  await copyAndClose(page);
  const keyRow = row(page, 'mobile app');
  await expect(keyRow).toContainText('customer-7');
  await expect(keyRow).toContainText('read, write');
  expect(await server.verify(internalKey, key)).toMatchObject({ code: 'VALID', external_id: 'customer-7', metadata: { plan: 'pro' } });
  await checkPage(page, 'the list');

  await test.step('filters', async () => {
    await (await filter(page, 'Scope')).fill('admin');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await checkPage(page, 'no match');
    await (await filter(page, 'Scope')).fill('write');
    await (await filter(page, 'External ID')).fill('customer-7');
    await expect(keyRow).toBeVisible();
    await expect(page).toHaveURL('/keys/client?external_id=customer-7&scope=write');
    await (await filter(page, 'External ID')).fill('unknown');
    await button(page, 'Clear search and filters').click();
    await expect(keyRow).toBeVisible();
    await expect(page).toHaveURL('/keys/client');

    // The beginning of a value is enough, as while it is typed.
    await (await filter(page, 'External ID')).fill('cust');
    await (await filter(page, 'Scope')).fill('wri');
    await expect(page).toHaveURL('/keys/client?external_id=cust&scope=wri');
    await expect(keyRow).toBeVisible();
    await button(page, 'Remove scope filter').click();
    await expect(page).toHaveURL('/keys/client?external_id=cust');
    await expect(page.locator('.filters').getByLabel('Scope')).toHaveValue('');
    await button(page, 'Remove external ID filter').click();
    await expect(page).toHaveURL('/keys/client');
  });

  await test.step('search by what identifies it', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await choose(page, 'mobile app', 'Copy ID');
    await expect(toast(page, 'ID copied')).toBeVisible();
    const id = await page.evaluate(() => navigator.clipboard.readText());
    expect(id).toMatch(/^key_/);
    for (const text of [id, 'customer-', key.slice(-4), 'mobile']) {
      await page.getByRole('searchbox').fill(text);
      await expect(page).toHaveURL(new RegExp(`q=${text.slice(0, 4)}`));
      await expect(keyRow).toBeVisible();
    }
    await page.getByRole('searchbox').fill('ustomer-7');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await page.getByRole('searchbox').fill('');
    await expect(keyRow).toBeVisible();
  });

  await test.step('disable and enable', async () => {
    await choose(page, 'mobile app', 'Disable');
    await expect(keyRow.getByText('Disabled', { exact: true })).toBeVisible();
    expect(await server.verify(internalKey, key)).toMatchObject({ code: 'DISABLED' });
    await (await filter(page, 'Status')).selectOption('Active');
    await expect(keyRow).toHaveCount(0);
    await (await filter(page, 'Status')).selectOption('Disabled');
    await choose(page, 'mobile app', 'Enable');
    await expect(keyRow).toHaveCount(0);
    await (await filter(page, 'Status')).selectOption('All');
    await expect(keyRow.getByText('Active', { exact: true })).toBeVisible();
  });

  await test.step('rotate', async () => {
    await choose(page, 'mobile app', 'Rotate…');
    // Without a choice, callers that use the old secret do not fail.
    await expect(page.getByLabel('Grace').locator('option:checked')).toHaveText('24 hours');
    await checkPage(page, 'the rotate dialog');
    await button(page, 'Rotate').click();
    const newKey = (await secret.textContent()) ?? '';
    expect(newKey).not.toBe(key);
    await copyAndClose(page);
    await expect(keyRow).toContainText(/Old secret works until .*, unused since rotation/);
    await checkPage(page, 'a key that was rotated');
    expect(await server.verify(internalKey, key)).toMatchObject({ code: 'VALID' });
    expect(await server.verify(internalKey, newKey)).toMatchObject({ code: 'VALID' });
  });

  await test.step('edit', async () => {
    await keyRow.getByRole('button', { name: 'Edit' }).click();
    await expect(page.getByLabel('Metadata')).toHaveValue(/"plan"/);
    await expect(page.getByLabel('Duration')).toHaveValue('keep');
    await dialog(page, 'Edit key').getByLabel('External ID').fill('');
    await page.getByLabel('Duration').selectOption('30 days');
    await checkPage(page, 'the edit dialog');
    await button(page, 'Save').click();
    await expect(toast(page, 'Changes saved')).toBeVisible();
    await expect(keyRow).not.toContainText('customer-7');
    await expect(keyRow).toContainText('read, write');
  });

  await test.step('delete', async () => {
    await choose(page, 'mobile app', 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    expect(await server.verify(internalKey, key)).toMatchObject({ code: 'NOT_FOUND' });
  });
  await expect(button(page, owner.name)).toBeVisible();
});

test('a corpus key is limited to the selected corpora', async ({ page, server, internalKey }) => {
  await open(page, '/keys/corpus');
  await button(page, 'Create').click();
  await expect(page.getByText('No corpora yet.')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Create one in Settings' })).toHaveAttribute('href', '/settings/corpora');
  await checkPage(page, 'the create dialog without corpora');
  await button(page, 'Cancel').click();

  await server.api(internalKey, '/corpora', { name: 'handbook' });
  await server.api(internalKey, '/corpora', { name: 'release notes' });
  await button(page, 'Create').click();
  await page.getByLabel('Name', { exact: true }).fill('help pages');
  await page.getByLabel('API access').selectOption('QueryService & IndexService');
  await expect(dialog(page, 'Create corpus key')).toContainText('The account owner pays for anonymous usage');
  await expect(dialog(page, 'Create corpus key')).toContainText('don’t share it in e-mail, Slack, Discord, forums or other public channels');
  await button(page, 'Submit').click();
  await expect(page.getByText('Select at least one corpus.')).toBeVisible();
  await page.getByRole('checkbox', { name: 'handbook' }).check();
  await checkPage(page, 'the create dialog');
  await button(page, 'Submit').click();
  await expect(page.getByRole('dialog').getByText(/^lkq_\w+$/)).toBeVisible();
  await copyAndClose(page);
  const keyRow = row(page, 'help pages');
  await expect(keyRow).toContainText('QueryService & IndexService');
  await expect(keyRow.getByText('handbook', { exact: true })).toBeVisible();
  await expect(page.getByRole('columnheader', { name: 'API access', includeHidden: true })).toHaveCount(1);
  await checkPage(page, 'the list');
  await keyRow.getByRole('button', { name: 'Actions' }).click();
  await expect(page.getByRole('menuitem')).toContainText(['Edit', 'Copy ID', 'Rotate…', 'Disable', 'Delete']);
  await checkPage(page, 'the menu');
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await expect(page.getByRole('alertdialog')).toContainText('This cannot be undone.');
  await expect(page.getByRole('alertdialog')).toContainText('Every system using a deleted key is blocked');
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click();
  await choose(page, 'help pages', 'Disable');
  await expect(keyRow.getByText('Disabled', { exact: true })).toBeVisible();
});

test.describe('credentials', () => {
  // A second credential of a provider, and a duplicate name.
  test.use({ expectedErrors: [409] });

  test('of a storage provider are stored and never shown', async ({ page, owner }) => {
    test.setTimeout(120_000);
    const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
    await mockCredentialTest(page, 'works');
    await open(page, '/keys/external');
    await button(page, 'Create').click();
    const form = dialog(page, 'Add external key');
    await expect(form.getByLabel('Provider')).toBeFocused();
    await expect(form.getByLabel('Provider').getByRole('option')).toHaveText(['Amazon Web Services', 'DNAnexus']);
    await checkPage(page, 'the dialog for AWS');
    await button(page, 'Submit').click();
    for (const field of ['Label', 'Key', 'Secret', 'Region']) {
      await expect(form.getByLabel(field, { exact: true })).toHaveAttribute('aria-invalid', 'true');
    }
    await form.getByLabel('Provider').selectOption('DNAnexus');
    await expect(form.getByLabel('Secret', { exact: true })).toHaveCount(0);
    await expect(form.getByLabel('Region')).toHaveCount(0);
    await checkPage(page, 'the dialog for DNAnexus');
    await form.getByLabel('Provider').selectOption('Amazon Web Services');
    await form.getByLabel('Label').fill('sequencing bucket');
    await form.getByLabel('Key', { exact: true }).fill('AKIAIOSFODNN7EXAMPLE');
    await form.getByLabel('Secret', { exact: true }).fill(secret);
    await form.getByLabel('Region').fill('eu-central-1');
    await form.getByLabel('Duration').selectOption('365 days');
    await button(page, 'Submit').click();
    const keyRow = row(page, 'sequencing bucket');
    await expect(keyRow).toContainText('Amazon Web Services');
    await expect(keyRow).toContainText('eu-central-1');
    expect(await page.content()).not.toContain(secret);
    await checkPage(page, 'the list');

    await test.step('only one per provider', async () => {
      await button(page, 'Create').click();
      await form.getByLabel('Provider').selectOption('Amazon Web Services');
      await expect(form.getByText('You already have a key for Amazon Web Services: “sequencing bucket”.')).toBeVisible();
      await form.getByLabel('Label').fill('another bucket');
      await form.getByLabel('Key', { exact: true }).fill('AKIAIOSFODNN7EXAMPLF');
      await form.getByLabel('Secret', { exact: true }).fill(secret);
      await form.getByLabel('Region').fill('eu-central-1');
      await button(page, 'Submit').click();
      await expect(form.getByLabel('Provider')).toHaveAttribute('aria-invalid', 'true');
      await checkPage(page, 'a second credential, rejected');
      await button(page, 'Cancel').click();
    });

    await test.step('test and delete', async () => {
      await mockCredentialTest(page, 'refused', 'Amazon Web Services refuses this key.');
      await choose(page, 'sequencing bucket', 'Test connection');
      const refusal = toast(page, '“sequencing bucket”: Amazon Web Services refuses this key.');
      await expect(refusal).toHaveClass(/toast-error/);
      await refusal.getByRole('button', { name: 'Dismiss' }).click();
      await page.getByRole('checkbox', { name: 'Select sequencing bucket' }).check();
      await expect(button(page, 'Disable')).toHaveCount(0);
      await button(page, 'Delete').click();
      await expect(page.getByRole('alertdialog', { name: 'Delete 1 key?' })).toContainText('cannot be undone');
      await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
      await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    });
    await expect(button(page, owner.name)).toBeVisible();
  });

  test('of a model provider are stored, edited and deleted', async ({ page, server, owner }) => {
    const value = 'sk-proj-0123456789abcdefXYZ';
    await open(page, '/keys/general');
    await button(page, 'New API Key').click();
    await page.getByLabel('API Key Name').fill('openai-production');
    await page.getByLabel('API Key Value').fill(value);
    await expect(page.getByLabel('API Key Value')).toHaveAttribute('type', 'password');
    await button(page, 'Show').click();
    await expect(page.getByLabel('API Key Value')).toHaveAttribute('type', 'text');
    await checkPage(page, 'the dialog');
    await button(page, 'Save').click();
    const keyRow = row(page, 'openai-production');
    await expect(keyRow).toContainText('sk-…XYZ');
    await expect(keyRow, 'only a test shows that it works').toContainText('Not tested');
    expect(await page.content()).not.toContain(value);
    await checkPage(page, 'the list');

    await button(page, 'New API Key').click();
    await page.getByLabel('API Key Name').fill('OpenAI-production');
    await page.getByLabel('API Key Value').fill(value);
    await button(page, 'Save').click();
    await expect(page.getByLabel('API Key Name')).toHaveAttribute('aria-invalid', 'true');
    await button(page, 'Cancel').click();

    await keyRow.getByRole('button', { name: 'Edit' }).click();
    await expect(page.getByLabel('API Key Value')).toHaveValue('');
    await checkPage(page, 'the edit dialog');
    await page.getByLabel('API Key Name').fill('openai');
    await button(page, 'Save').click();
    await expect(row(page, 'openai')).toContainText('sk-…XYZ');
    await row(page, 'openai').getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('API Key Value').fill('short');
    await button(page, 'Save').click();
    await expect(row(page, 'openai')).not.toContainText('sk-…XYZ');

    await page.getByRole('searchbox').fill('nothing like it');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await page.getByRole('searchbox').fill('OPEN');
    await row(page, 'openai').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click();
    await row(page, 'openai').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(row(page, 'openai')).toHaveCount(0);
    expect(server.log).not.toContain(value);
    await expect(button(page, owner.name)).toBeVisible();
  });
});

test('keys that expire soon are marked and filtered', { tag: '@once' }, async ({ page, server, internalKey }) => {
  const { key } = await server.addKey(internalKey, 'old');
  await server.addKey(internalKey, 'young');
  server.sql(`update api_keys set expires_at = ${Date.now() + 5 * 86_400_000 + 60_000} where id = '${key.id}'`);
  await open(page, '/keys/agent');
  await expect(row(page, 'old')).toContainText('Expires in 5 days');
  await expect(row(page, 'young')).not.toContainText('Expires in');
  await (await filter(page, 'Status')).selectOption('Expires within 14 days');
  await expect(rows(page)).toHaveCount(1);
  await expect(page).toHaveURL('/keys/agent?status=expiring');
  await axe(page, 'keys that expire soon');
});
