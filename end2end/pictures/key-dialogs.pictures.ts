// The dialogs of the key lists, and what follows them.

import type { Page } from '@playwright/test';
import { copyAndClose, open, row } from '../fixtures';
import { expect, pictures, test } from './pictures';

const dialog = (page: Page) => page.getByRole('dialog');
const dialogButton = (page: Page, name: string) => dialog(page).getByRole('button', { name, exact: true });

/** Opens a list of the organization that may change, and its dialog for a new key. */
async function openCreateDialog(page: Page, kind: string): Promise<void> {
  await open(page, `/keys/${kind}?create`);
  await expect(dialog(page)).toBeVisible();
}

async function chooseAction(page: Page, name: string, action: string): Promise<void> {
  await row(page, name).getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: action, exact: true }).click();
}

test.beforeEach(({ enter }) => enter('scratch'));

pictures('client-keys', () => {
  test('create', async ({ page, take }) => {
    await openCreateDialog(page, 'client');
    await take('create');
    await dialogButton(page, 'Submit').click();
    await expect(dialog(page).getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await take('create, invalid');
  });

  test('create, with limits', async ({ page, take }) => {
    await openCreateDialog(page, 'client');
    await dialog(page).getByLabel('Name', { exact: true }).fill('Loyalty programme');
    await dialog(page).getByText('Limits', { exact: true }).click();
    await dialogButton(page, 'Add rate limit').click();
    await dialog(page).getByLabel('Limit total uses (credits)').check();
    await dialog(page).getByLabel('Refill').selectOption('Every day');
    await take('create, with limits');
    await dialogButton(page, 'Submit').click();
    await take('create, limits invalid');
    await page.keyboard.press('Escape');
    await take('create, discard');
  });

  test('created', async ({ page, take }) => {
    await openCreateDialog(page, 'client');
    await dialog(page).getByLabel('Name', { exact: true }).fill('Loyalty programme');
    await dialogButton(page, 'Submit').click();
    await expect(dialog(page).getByRole('textbox', { name: 'Secret key' })).toBeVisible();
    await take('created');
    await page.keyboard.press('Escape');
    await take('created, not copied');
    await page.getByRole('button', { name: 'Keep open' }).click();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await dialogButton(page, 'Copy').first().click();
    await expect(page.getByText('Copied', { exact: true })).toBeVisible();
    await take('created, copied');
  });

  test('edit', async ({ page, take }) => {
    await open(page, '/keys/client');
    await row(page, 'Partner portal').getByRole('button', { name: 'Edit' }).click();
    await expect(dialog(page)).toBeVisible();
    await take('edit');
  });

  test('rotate', async ({ page, take }) => {
    await open(page, '/keys/client');
    await chooseAction(page, 'Web shop', 'Rotate…');
    await take('rotate');
  });

  test('delete', async ({ page, take }) => {
    await open(page, '/keys/client');
    await chooseAction(page, 'Web shop', 'Delete');
    await expect(page.getByRole('alertdialog')).toBeVisible();
    await take('delete');
    await page.keyboard.press('Escape');
    await page.getByRole('checkbox', { name: 'Select all' }).click();
    await page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByRole('alertdialog')).toBeVisible();
    await take('delete all');
  });

  test('disable', async ({ page, take }) => {
    await open(page, '/keys/client');
    await chooseAction(page, 'Warehouse scanners', 'Disable');
    await expect(page.getByRole('button', { name: 'Undo' })).toBeVisible();
    // The message stays while the pointer is on it.
    await take('disabled, with a message', { prepare: () => page.locator('.toast').hover() });
  });
});

pictures('client-keys', () => {
  test('disabling thousands', async ({ page, server, organizations, enter, take }) => {
    const { owner } = await organizations.get('scratch');
    server.addManyKeys(owner, 1_200, 'client');
    await enter('scratch');
    await open(page, '/keys/client?q=key');
    await page.getByRole('checkbox', { name: 'Select all' }).click();
    let calls = 0;
    await page.route('**/fn/keys/bulk*', (route) => {
      calls += 1;
      // The third call does not return.
      return calls === 3 ? new Promise<void>(() => {}) : route.continue();
    });
    await page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name: 'Disable' }).click();
    const confirmation = page.getByRole('alertdialog');
    await expect(confirmation).toBeVisible();
    await take('disable thousands');
    await confirmation.getByLabel(/^Type /).fill('1200');
    await confirmation.getByRole('button', { name: 'Disable', exact: true }).click();
    await expect(page.getByText(/^400 of/)).toBeVisible();
    await take('disabling thousands');
    server.sql("delete from api_keys where name like 'key 00%'");
  });
});

pictures('internal-keys', () => {
  test('create', async ({ page, take }) => {
    await openCreateDialog(page, 'internal');
    await take('create');
    await dialog(page).getByText('Custom', { exact: true }).click();
    await take('create, custom scopes');
    await page.getByLabel('Duration').selectOption('Custom date…');
    await dialogButton(page, 'Submit').click();
    await take('create, invalid');
  });

  test('created', async ({ page, take }) => {
    await openCreateDialog(page, 'internal');
    await page.getByLabel('Name', { exact: true }).fill('nightly-backup');
    await page.getByLabel('Duration').selectOption('90 days');
    await dialogButton(page, 'Submit').click();
    await expect(row(page, 'nightly-backup').getByRole('textbox')).toBeVisible();
    await take('created');
    await page.getByRole('tab', { name: 'Client' }).click();
    await take('created, leaving');
    await page.keyboard.press('Escape');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await row(page, 'nightly-backup').getByRole('button', { name: 'Copy' }).click();
    await expect(row(page, 'nightly-backup').getByRole('button', { name: 'Use in code' })).toBeVisible();
    await take('created, copied');
    await row(page, 'nightly-backup').getByRole('button', { name: 'Use in code' }).click();
    await take('created, use in code');
  });
});

pictures('agent-keys', () => {
  test('create', async ({ page, take }) => {
    await open(page, '/keys/agent');
    const create = page.getByRole('button', { name: 'Create API Key' });
    const prepare = async () => {
      await page.keyboard.press('Escape');
      await create.click();
    };
    await take('menu of kinds', { prepare });
    await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
    await take('create');
    await page.getByLabel('API Key Name').fill('meeting-scheduler');
    await dialogButton(page, 'Save').click();
    await expect(dialog(page).getByRole('textbox', { name: 'Secret key' })).toBeVisible();
    await take('created');
    await copyAndClose(page);
  });
});

pictures('corpus-keys', () => {
  test('create', async ({ page, take }) => {
    await openCreateDialog(page, 'corpus');
    await take('create');
    await dialogButton(page, 'Submit').click();
    await take('create, invalid');
  });

  test('create, with limits', async ({ page, take }) => {
    await openCreateDialog(page, 'corpus');
    await dialog(page).getByLabel('Name', { exact: true }).fill('Status page');
    await dialog(page).getByText('Limits', { exact: true }).click();
    await dialogButton(page, 'Add rate limit').click();
    await dialogButton(page, 'Add limit per address').click();
    await take('create, with limits');
  });

  test('edit', async ({ page, take }) => {
    await open(page, '/keys/corpus');
    await chooseAction(page, 'Help centre search', 'Edit');
    await expect(dialog(page)).toBeVisible();
    await take('edit');
  });

  test('delete', async ({ page, take }) => {
    await open(page, '/keys/corpus');
    await chooseAction(page, 'Help centre search', 'Delete');
    await expect(page.getByRole('alertdialog')).toBeVisible();
    await take('delete');
  });
});

pictures('external-keys', () => {
  test('create', async ({ page, take }) => {
    await openCreateDialog(page, 'external');
    await take('create, provider taken');
    await page.getByLabel('Provider').selectOption('DNAnexus');
    await take('create for DNAnexus');
    await page.getByLabel('Provider').selectOption('Amazon Web Services');
    await dialogButton(page, 'Submit').click();
    await take('create, invalid');
  });

  test('replace', async ({ page, take }) => {
    await open(page, '/keys/external');
    await chooseAction(page, 'Sequencing bucket', 'Replace…');
    await take('replace');
  });

  test('refused', async ({ page, take }) => {
    await open(page, '/keys/external');
    const report = { tested: { at: Date.now(), outcome: 'refused' }, detail: 'Amazon Web Services refuses this key.' };
    await page.route('**/fn/credentials/test*', (route) => route.fulfill({ json: report }));
    await chooseAction(page, 'Sequencing bucket', 'Test connection');
    await expect(page.locator('.toast-error')).toBeVisible();
    await take('test refused');
  });
});

pictures('general-keys', () => {
  test('create', async ({ page, take }) => {
    await openCreateDialog(page, 'general');
    await take('create');
    await page.getByLabel('API Key Value').fill('sk-ant-0123456789abcdef');
    await dialogButton(page, 'Save').click();
    await take('create, invalid');
  });

  test('edit and delete', async ({ page, take }) => {
    await open(page, '/keys/general');
    await row(page, 'openai-production').getByRole('button', { name: 'Edit' }).click();
    await expect(dialog(page)).toBeVisible();
    await take('edit');
    await page.keyboard.press('Escape');
    await chooseAction(page, 'openai-production', 'Delete');
    await expect(page.getByRole('alertdialog')).toBeVisible();
    await take('delete');
  });
});
