// Each kind's life on its tab: made, revealed, found, put to rest, rotated, changed and deleted, by role and accessible name alone.

import type { Page } from '@playwright/test';
import { admitInstead, axe, copyAndClose, expect, fitsWidth, live, open, row, rows, test } from './fixtures';

const KINDS = [
  { kind: 'platform', tab: 'Internal', create: 'Create', title: 'Create internal key', purpose: /One is typically enough/ },
  { kind: 'storage', tab: 'External', create: 'Create', title: 'Add external key', purpose: /pull sample files/ },
  { kind: 'client', tab: 'Client', create: 'Create', title: 'Create client key', purpose: /the callers of your own API/ },
  { kind: 'corpus', tab: 'Corpus', create: 'Create', title: 'Create corpus key', purpose: /anonymous callers access/ },
  { kind: 'llm', tab: 'General Key', create: 'New API Key', title: 'New API Key', purpose: /link it to any provider or model/ },
  { kind: 'agent', tab: 'Agent API Key', create: 'Create API Key', title: 'Create Agent API Key', purpose: /90 days/ },
];

const look = async (page: Page, stop: string) => {
  await axe(page, stop);
  await fitsWidth(page);
};
const dialog = (page: Page, name: string) => page.getByRole('dialog', { name, exact: true });
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const toast = (page: Page, text: string | RegExp) => page.locator('.toast').filter({ hasText: text });

/** Opens a row's menu and chooses from it. */
async function choose(page: Page, name: string, item: string): Promise<void> {
  await row(page, name).getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: item, exact: true }).click();
}

test('tabs stand in their order and each says what its kind is for', async ({ page, owner }) => {
  await open(page, '/');
  await expect(page).toHaveURL('/keys/internal');
  await expect(page.getByRole('tab')).toHaveText(KINDS.map(({ tab }) => tab));
  for (const { tab, purpose, create, title } of KINDS) {
    await page.getByRole('tab', { name: tab, exact: true }).click();
    await expect(page.getByRole('tab', { name: tab, exact: true, selected: true })).toBeVisible();
    await expect(page.getByRole('tabpanel')).toContainText(purpose);
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    await look(page, `${tab}, empty`);
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

for (const { kind, tab } of KINDS.filter(({ kind }) => !['storage', 'llm'].includes(kind))) {
  test(`${kind} keys are picked, put to rest, woken and deleted`, { tag: '@once' }, async ({ page, server, owner }) => {
    server.addManyKeys(owner, 4, kind);
    await open(page, '/profile');
    await page.getByRole('link', { name: 'API Keys', exact: true }).click();
    await page.getByRole('tab', { name: tab, exact: true }).click();
    const act = (name: string) => page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name }).click();
    await page.getByRole('checkbox', { name: 'Select key 000001' }).click();
    await page.getByRole('checkbox', { name: 'Select key 000003' }).click({ modifiers: ['Shift'] });
    await act('Disable');
    await expect(row(page, 'key 000002').getByText('Disabled', { exact: true })).toBeVisible();
    await expect(row(page, 'key 000004').getByText('Active', { exact: true })).toBeVisible();
    await page.getByRole('checkbox', { name: 'Select all' }).click();
    await act('Enable');
    await expect(page.getByText('4 keys enabled.')).toBeVisible();
    await expect(page.getByRole('cell').getByText('Disabled', { exact: true })).toHaveCount(0);
    await page.getByRole('checkbox', { name: 'Select all' }).click();
    await page.getByRole('checkbox', { name: 'Select key 000004' }).click();
    await act('Delete');
    await page.getByRole('alertdialog', { name: 'Delete 3 keys?' }).getByRole('button', { name: 'Delete' }).click();
    await expect(rows(page)).toHaveCount(1);
    await expect(row(page, 'key 000004')).toBeVisible();
  });
}

test('a tab that was left is found again as it was', { tag: '@once' }, async ({ page, server, owner, platformKey }) => {
  await server.addKey(platformKey, 'nightly-build');
  await open(page, '/keys/agent');
  await page.getByRole('searchbox').fill('nightly');
  await page.getByLabel('Status', { exact: true }).selectOption('Active');
  await page.getByRole('columnheader', { name: 'Key Name' }).getByRole('button').click();
  const address = '/keys/agent?q=nightly&status=active&sort=name';
  await expect(page).toHaveURL(address);
  await page.getByRole('tab', { name: 'Client' }).click();
  await expect(page).toHaveURL('/keys/client');
  await page.getByRole('tab', { name: 'Agent API Key' }).click();
  await expect(page).toHaveURL(address);
  await expect(page.getByRole('searchbox')).toHaveValue('nightly');
  await expect(row(page, 'nightly-build')).toBeVisible();
  await expect(button(page, owner.name)).toBeVisible();
});

test('whoever may not manage keys sees what they may, without buttons', { tag: '@once' }, async ({ page, server, owner, platformKey }) => {
  await server.addKey(platformKey, 'nightly-build');
  await admitInstead(page, server, server.addPerson('viewer', owner.organization));
  await open(page, '/');
  await expect(page).toHaveURL('/keys/client');
  await expect(page.getByRole('tab')).toHaveText(['Client', 'Corpus', 'Agent API Key']);
  await page.getByRole('tab', { name: 'Agent API Key' }).click();
  await expect(row(page, 'nightly-build')).toBeVisible();
  await expect(page.getByRole('checkbox')).toHaveCount(0);
  await expect(button(page, 'Actions')).toHaveCount(0);
  await expect(button(page, 'Delete')).toHaveCount(0);
  await look(page, 'the list of a viewer');
});

test('an internal key is shown once, in its row', async ({ page, context, owner, server, platformKey }) => {
  test.setTimeout(120_000);
  server.addManyKeys(owner, 200, 'platform');
  await open(page, '/keys/internal');
  await button(page, 'Create').click();
  await expect(page.getByLabel('Name', { exact: true })).toBeFocused();
  await expect(page.getByRole('group', { name: 'Scopes' }).getByRole('checkbox')).toHaveCount(6);
  await look(page, 'the create dialog');
  await button(page, 'Submit').click();
  await expect(page.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await page.getByLabel('Name', { exact: true }).fill('gateway');
  await page.getByLabel('Duration').selectOption('Custom date…');
  await page.getByLabel('Date', { exact: true }).fill('2020-01-01');
  await button(page, 'Submit').click();
  await expect(page.getByText('Choose a future date.')).toBeVisible();
  await page.getByLabel('Duration').selectOption('90 days');
  await button(page, 'Submit').click();

  const made = row(page, 'gateway');
  const shown = made.getByRole('textbox', { name: 'Secret key' });
  await expect(shown).toHaveText(/^lkp_[0-9A-Za-z]{49}$/);
  const secret = (await shown.textContent()) ?? '';
  await expect(made).toContainText('Copy this key now. It won’t be shown again after you leave or refresh.');
  await look(page, 'the new row');
  expect(await server.verify(platformKey, secret)).toMatchObject({ valid: true, name: 'gateway' });

  await test.step('it stays while the list moves', async () => {
    const list = page.getByRole('region', { name: 'Internal' });
    await list.evaluate((element) => (element.scrollTop = element.scrollHeight));
    await expect(made).toHaveCount(0);
    await list.evaluate((element) => (element.scrollTop = 0));
    await expect(shown).toHaveText(secret);
    await page.getByRole('columnheader', { name: 'Name', exact: true }).getByRole('button').click();
    await expect(page).toHaveURL('/keys/internal?sort=name');
    await page.getByRole('searchbox').fill('gate');
    await expect(page).toHaveURL('/keys/internal?q=gate&sort=name');
    await expect(shown).toHaveText(secret);
    await button(page, 'Reload').click();
    await expect(shown).toHaveText(secret);
  });

  await test.step('leaving asks first', async () => {
    const question = page.getByRole('alertdialog', { name: 'Leave without copying the key?' });
    await page.getByRole('tab', { name: 'Client' }).click();
    await expect(question).toBeVisible();
    await look(page, 'the question');
    await button(page, 'Stay').click();
    await expect(page).toHaveURL('/keys/internal?q=gate&sort=name');
    await expect(shown).toHaveText(secret);

    const asked = new Promise<string>((heard) => page.once('dialog', (each) => void each.dismiss().then(() => heard(each.type()))));
    await page.evaluate(() => location.reload());
    expect(await asked).toBe('beforeunload');
    await expect(shown).toHaveText(secret);
  });

  await test.step('once it was copied, nothing asks, and nobody sees it again', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await made.getByRole('button', { name: 'Copy' }).click();
    await expect(made.getByText('Copied', { exact: true })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
    await page.reload();
    await live(page);
    await expect(made).toContainText(`lkp_…${secret.slice(-4)}`);
    expect(await page.content()).not.toContain(secret);
  });
});

test('a way back asks before a key is lost', { tag: '@once' }, async ({ page, owner }) => {
  await open(page, '/profile');
  await page.getByRole('link', { name: 'API Keys', exact: true }).click();
  await expect(page).toHaveURL('/keys/internal');
  await button(page, 'Create').click();
  await page.getByLabel('Name', { exact: true }).fill('gateway');
  await button(page, 'Submit').click();
  const shown = row(page, 'gateway').getByRole('textbox', { name: 'Secret key' });
  await expect(shown).toBeVisible();
  await page.goBack();
  await button(page, 'Stay').click();
  await expect(page).toHaveURL('/keys/internal');
  await expect(shown).toBeVisible();
  await page.goBack();
  await button(page, 'Leave without copying').click();
  await expect(page.getByRole('heading', { name: 'Profile' })).toBeVisible();

  await test.step('so does a way forward, which then leads on as before', async () => {
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

test('a client key from making to deleting', async ({ page, owner, server, platformKey }) => {
  test.setTimeout(120_000);
  await open(page, '/keys/client');
  await button(page, 'Create').click();
  await page.getByLabel('Name', { exact: true }).fill('mobile app');
  await dialog(page, 'Create client key').getByLabel('External ID').fill('customer-7');
  await page.getByLabel('Metadata').fill('{"plan": {"deep": 1}}');
  await page.getByLabel('Scopes').fill('read, write');
  await look(page, 'the create dialog');
  await button(page, 'Submit').click();
  await expect(page.getByText('Values must be strings, numbers, booleans or null.')).toBeVisible();
  await expect(page.getByLabel('Metadata')).toBeFocused();
  await page.getByLabel('Metadata').fill('{"plan": "pro"}');
  await button(page, 'Submit').click();
  const secret = page.getByRole('dialog').getByText(/^lkc_\w+$/);
  await expect(secret).toBeVisible();
  const key = (await secret.textContent()) ?? '';
  await copyAndClose(page);
  const made = row(page, 'mobile app');
  await expect(made).toContainText('customer-7');
  await expect(made).toContainText('read, write');
  expect(await server.verify(platformKey, key)).toMatchObject({ code: 'VALID', external_id: 'customer-7', metadata: { plan: 'pro' } });
  await look(page, 'the list');

  await test.step('filters', async () => {
    await page.getByRole('textbox', { name: 'Scope', exact: true }).fill('admin');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await look(page, 'no match');
    await page.getByRole('textbox', { name: 'Scope', exact: true }).fill('write');
    await page.getByRole('textbox', { name: 'External ID', exact: true }).fill('customer-7');
    await expect(made).toBeVisible();
    await expect(page).toHaveURL('/keys/client?external_id=customer-7&scope=write');
    await page.getByRole('textbox', { name: 'External ID', exact: true }).fill('nobody');
    await button(page, 'Clear search and filters').click();
    await expect(made).toBeVisible();
    await expect(page).toHaveURL('/keys/client');
  });

  await test.step('rest', async () => {
    await choose(page, 'mobile app', 'Disable');
    await expect(made.getByText('Disabled', { exact: true })).toBeVisible();
    expect(await server.verify(platformKey, key)).toMatchObject({ code: 'DISABLED' });
    await page.getByLabel('Status', { exact: true }).selectOption('Active');
    await expect(made).toHaveCount(0);
    await page.getByLabel('Status', { exact: true }).selectOption('Disabled');
    await choose(page, 'mobile app', 'Enable');
    await expect(made).toHaveCount(0);
    await page.getByLabel('Status', { exact: true }).selectOption('All');
    await expect(made.getByText('Active', { exact: true })).toBeVisible();
  });

  await test.step('rotate', async () => {
    await choose(page, 'mobile app', 'Rotate…');
    await page.getByLabel('Grace').selectOption('24 hours');
    await look(page, 'the rotate dialog');
    await button(page, 'Rotate').click();
    const other = (await secret.textContent()) ?? '';
    expect(other).not.toBe(key);
    await copyAndClose(page);
    await expect(made).toContainText(/Old secret works until .*, unused since rotation/);
    await look(page, 'a key that was rotated');
    expect(await server.verify(platformKey, key)).toMatchObject({ code: 'VALID' });
    expect(await server.verify(platformKey, other)).toMatchObject({ code: 'VALID' });
  });

  await test.step('edit', async () => {
    await made.getByRole('button', { name: 'Edit' }).click();
    await expect(page.getByLabel('Metadata')).toHaveValue(/"plan"/);
    await expect(page.getByLabel('Duration')).toHaveValue('keep');
    await dialog(page, 'Edit key').getByLabel('External ID').fill('');
    await page.getByLabel('Duration').selectOption('30 days');
    await look(page, 'the edit dialog');
    await button(page, 'Save').click();
    await expect(toast(page, 'Changes saved')).toBeVisible();
    await expect(made).not.toContainText('customer-7');
    await expect(made).toContainText('read, write');
  });

  await test.step('delete', async () => {
    await choose(page, 'mobile app', 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    expect(await server.verify(platformKey, key)).toMatchObject({ code: 'NOT_FOUND' });
  });
  await expect(button(page, owner.name)).toBeVisible();
});

test('a corpus key opens the corpora that are chosen', async ({ page, server, platformKey }) => {
  await open(page, '/keys/corpus');
  await button(page, 'Create').click();
  await expect(page.getByText('No corpora yet.')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Create one in Settings' })).toHaveAttribute('href', '/settings/corpora');
  await look(page, 'the create dialog without corpora');
  await button(page, 'Cancel').click();

  await server.api(platformKey, '/corpora', { name: 'handbook' });
  await server.api(platformKey, '/corpora', { name: 'release notes' });
  await button(page, 'Create').click();
  await page.getByLabel('Name', { exact: true }).fill('help pages');
  await page.getByLabel('API access').selectOption('QueryService & IndexService');
  await expect(dialog(page, 'Create corpus key')).toContainText('The account owner pays for anonymous usage');
  await expect(dialog(page, 'Create corpus key')).toContainText('don’t share it in e-mail, Slack, Discord, forums or other public channels');
  await button(page, 'Submit').click();
  await expect(page.getByText('Select at least one corpus.')).toBeVisible();
  await page.getByRole('checkbox', { name: 'handbook' }).check();
  await look(page, 'the create dialog');
  await button(page, 'Submit').click();
  await expect(page.getByRole('dialog').getByText(/^lkq_\w+$/)).toBeVisible();
  await copyAndClose(page);
  const made = row(page, 'help pages');
  await expect(made).toContainText('QueryService & IndexService');
  await expect(made.getByText('handbook', { exact: true })).toBeVisible();
  await expect(page.getByRole('columnheader', { name: 'API access', includeHidden: true })).toHaveCount(1);
  await look(page, 'the list');
  await made.getByRole('button', { name: 'Actions' }).click();
  await expect(page.getByRole('menuitem')).toHaveText(['Disable', 'Rotate…', 'Delete']);
  await look(page, 'the menu');
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await expect(page.getByRole('alertdialog')).toContainText('This cannot be undone.');
  await expect(page.getByRole('alertdialog')).toContainText('Every system using a deleted key is blocked');
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click();
  await choose(page, 'help pages', 'Disable');
  await expect(made.getByText('Disabled', { exact: true })).toBeVisible();
});

test.describe('credentials', () => {
  // A second one of a provider, and a name that is taken.
  test.use({ refusals: [409] });

  test('of a storage provider are kept and never shown', async ({ page, owner }) => {
    test.setTimeout(120_000);
    const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
    await open(page, '/keys/external');
    await button(page, 'Create').click();
    const asks = dialog(page, 'Add external key');
    await expect(asks.getByLabel('Label')).toBeFocused();
    await expect(asks.getByLabel('Provider').getByRole('option')).toHaveText(['Amazon Web Services', 'DNAnexus']);
    await look(page, 'the dialog for AWS');
    await button(page, 'Submit').click();
    for (const field of ['Label', 'Key', 'Secret', 'Region']) {
      await expect(asks.getByLabel(field, { exact: true })).toHaveAttribute('aria-invalid', 'true');
    }
    await asks.getByLabel('Provider').selectOption('DNAnexus');
    await expect(asks.getByLabel('Secret', { exact: true })).toHaveCount(0);
    await expect(asks.getByLabel('Region')).toHaveCount(0);
    await look(page, 'the dialog for DNAnexus');
    await asks.getByLabel('Provider').selectOption('Amazon Web Services');
    await asks.getByLabel('Label').fill('sequencing bucket');
    await asks.getByLabel('Key', { exact: true }).fill('AKIAIOSFODNN7EXAMPLE');
    await asks.getByLabel('Secret', { exact: true }).fill(secret);
    await asks.getByLabel('Region').fill('eu-central-1');
    await asks.getByLabel('Duration').selectOption('365 days');
    await button(page, 'Submit').click();
    const made = row(page, 'sequencing bucket');
    await expect(made).toContainText('Amazon Web Services');
    await expect(made).toContainText('eu-central-1');
    expect(await page.content()).not.toContain(secret);
    await look(page, 'the list');

    await test.step('one for each provider', async () => {
      await button(page, 'Create').click();
      await asks.getByLabel('Label').fill('another bucket');
      await asks.getByLabel('Key', { exact: true }).fill('AKIAIOSFODNN7EXAMPLF');
      await asks.getByLabel('Secret', { exact: true }).fill(secret);
      await asks.getByLabel('Region').fill('eu-central-1');
      await button(page, 'Submit').click();
      await expect(asks.getByLabel('Provider')).toHaveAttribute('aria-invalid', 'true');
      await look(page, 'a second one, refused');
      await button(page, 'Cancel').click();
    });

    await test.step('test and delete', async () => {
      await page.route('**/fn/credentials/test*', (route) =>
        route.fulfill({ json: { tested: { at: Date.now(), outcome: 'refused' }, detail: 'Amazon Web Services refuses this key.' } }),
      );
      await choose(page, 'sequencing bucket', 'Test connection');
      await expect(toast(page, '“sequencing bucket”: Amazon Web Services refuses this key.')).toBeVisible();
      await page.getByRole('checkbox', { name: 'Select sequencing bucket' }).check();
      await expect(button(page, 'Disable')).toHaveCount(0);
      await button(page, 'Delete').click();
      await expect(page.getByRole('alertdialog', { name: 'Delete 1 key?' })).toContainText('cannot be undone');
      await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
      await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
    });
    await expect(button(page, owner.name)).toBeVisible();
  });

  test('of a model provider are stored, changed and deleted', async ({ page, server, owner }) => {
    const value = 'sk-proj-0123456789abcdefXYZ';
    await open(page, '/keys/general');
    await button(page, 'New API Key').click();
    await page.getByLabel('API Key Name').fill('openai-production');
    await page.getByLabel('API Key Value').fill(value);
    await expect(page.getByLabel('API Key Value')).toHaveAttribute('type', 'password');
    await button(page, 'Show').click();
    await expect(page.getByLabel('API Key Value')).toHaveAttribute('type', 'text');
    await look(page, 'the dialog');
    await button(page, 'Save').click();
    const made = row(page, 'openai-production');
    await expect(made).toContainText('sk-…XYZ');
    expect(await page.content()).not.toContain(value);
    await look(page, 'the list');

    await button(page, 'New API Key').click();
    await page.getByLabel('API Key Name').fill('OpenAI-production');
    await page.getByLabel('API Key Value').fill(value);
    await button(page, 'Save').click();
    await expect(page.getByLabel('API Key Name')).toHaveAttribute('aria-invalid', 'true');
    await button(page, 'Cancel').click();

    await made.getByRole('button', { name: 'Edit' }).click();
    await expect(page.getByLabel('API Key Value')).toHaveValue('');
    await look(page, 'the edit dialog');
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

test('what ends soon is marked, and can be looked for', { tag: '@once' }, async ({ page, server, platformKey }) => {
  const { key } = await server.addKey(platformKey, 'old');
  await server.addKey(platformKey, 'young');
  server.sql(`update api_keys set expires_at = ${Date.now() + 5 * 86_400_000 + 60_000} where id = '${key.id}'`);
  await open(page, '/keys/agent');
  await expect(row(page, 'old')).toContainText('Expires in 5 days');
  await expect(row(page, 'young')).not.toContainText('Expires in');
  await page.getByLabel('Status', { exact: true }).selectOption('Expires within 14 days');
  await expect(rows(page)).toHaveCount(1);
  await expect(page).toHaveURL('/keys/agent?status=expiring');
  await axe(page, 'keys that end soon');
});
