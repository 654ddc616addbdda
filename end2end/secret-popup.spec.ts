// A secret is shown only once, so the pop-up warns before it is closed. Once it was copied, the pop-up shows what to do next.

import { execFileSync } from 'node:child_process';

import type { Locator, Page } from '@playwright/test';
import { axe, copyAndClose, createKey, expect, expectFitsWidth, open, row, secret, test, waitForHydration, waitForPage } from './fixtures';

const WAITING = 'Waiting for the first request…';

/** Copies the secret. The pop-up or row stays. */
async function copy(page: Page, within: Locator): Promise<void> {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await within.getByRole('button', { name: 'Copy' }).first().click();
  await expect(within.getByText('Copied', { exact: true })).toBeVisible();
}

/** The code in a tab of the pop-up. */
async function codeOf(page: Page, label: string): Promise<string> {
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('tab', { name: label, exact: true }).click();
  return (await dialog.getByRole('tabpanel', { name: label, exact: true }).textContent()) ?? '';
}

/** Runs code with an internal key. Returns its output. */
function run(command: string, options: string[], code: string, internalKey: string): string {
  const env = { ...process.env, LATCHKEY_API_KEY: internalKey, FORCE_COLOR: '0', no_proxy: '*', NO_PROXY: '*' };
  return execFileSync(command, [...options, code], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

test.describe('the pop-up with a new secret', { tag: '@once' }, () => {
  let key: string;

  test.beforeEach(async ({ page, owner: _ }) => {
    await open(page, '/keys/client');
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await waitForPage(page, '/keys/agent');
    key = await createKey(page, 'nightly-build');
  });

  test('needs confirmation to close until the secret is copied', async ({ page }) => {
    const warning = page.getByRole('alert').filter({ hasText: 'haven’t copied' });
    const expectStaysOpen = async () => {
      await expect(warning).toBeVisible();
      await expect(secret(page)).toHaveText(key);
      await page.getByRole('button', { name: 'Keep open' }).click();
      await expect(warning).toHaveCount(0);
    };

    for (let presses = 0; presses < 5; presses += 1) {
      await page.keyboard.press('Escape');
    }
    await expectStaysOpen();
    await page.mouse.click(4, 4);
    await expectStaysOpen();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await expectStaysOpen();
    for (const name of ['Done', 'Create another']) {
      await page.getByRole('button', { name }).click();
      await expectStaysOpen();
    }
    await page.goBack();
    await expect(secret(page), 'after going back in the history').toHaveText(key);

    await copyAndClose(page);
    await expect(page.getByText(key)).toHaveCount(0);
  });

  test('closes without copying after confirmation', async ({ page }) => {
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Close without copying' }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);
    expect(await page.content()).not.toContain(key);
  });

  test('warns before leaving the page until it is copied', async ({ page }) => {
    const dialog = page.waitForEvent('dialog');
    await page.evaluate(() => setTimeout(() => location.reload()));
    expect((await dialog).type()).toBe('beforeunload');
    await (await dialog).dismiss();
    await expect(secret(page)).toHaveText(key);

    await copyAndClose(page);
    page.on('dialog', () => expect(true, 'no dialog after copying').toBe(false));
    await page.reload();
    await waitForHydration(page);
  });

  test('detects copying with Ctrl+C', async ({ page }) => {
    await secret(page).click({ clickCount: 3 });
    await page.keyboard.press('Control+c');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });

  test('selects the secret if the clipboard is unavailable', async ({ page }) => {
    // As on a page loaded over plain HTTP from another host.
    await page.evaluate(() => Reflect.deleteProperty(Navigator.prototype, 'clipboard'));
    await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click();
    await expect(page.getByText('press Ctrl+C')).toBeVisible();
    expect(await page.evaluate(() => getSelection()?.toString())).toBe(key);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('button', { name: 'Close without copying' })).toBeVisible();
  });

  test('copying code that contains the secret counts as copying', async ({ page, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByText('Use it in code').click();
    const code = await codeOf(page, '.env');
    expect(code).toContain(`OPENAI_API_KEY=${key}`);
    await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).last().click();
    await expect(page.getByText('Copied', { exact: true })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(code);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });

  test('leads to another key once the secret was copied', async ({ page }) => {
    await copy(page, page.getByRole('dialog'));
    await page.getByRole('button', { name: 'Create another' }).click();
    const dialog = page.getByRole('dialog', { name: 'Create Agent API Key' });
    await expect(dialog.getByLabel('API Key Name')).toBeFocused();
    await dialog.getByLabel('API Key Name').fill('weekly-build');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(secret(page)).not.toHaveText(key);
    await copyAndClose(page);
    await expect(row(page, 'nightly-build')).toBeVisible();
    await expect(row(page, 'weekly-build')).toBeVisible();
  });

  test('shows code for an agent', async ({ page, internalKey }) => {
    await expect(page.getByText(WAITING), 'before copying').toHaveCount(0);
    await copy(page, page.getByRole('dialog'));
    await expect(page.getByText(WAITING)).toBeVisible();
    const verdict = run('sh', ['-c'], await codeOf(page, 'Verify'), internalKey);
    expect(JSON.parse(verdict)).toMatchObject({ valid: true, name: 'nightly-build', kind: 'agent' });
    expect(run('sh', ['-c'], await codeOf(page, 'Forward auth'), internalKey)).toMatch(/^HTTP\/\S+ 204/);
    await axe(page, 'code for an agent');
  });

  test('keeps the code folded on a phone, where a finger is on the button', async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await copy(page, page.getByRole('dialog'));
    await expect(page.getByText(WAITING)).toBeVisible();
    await expect(page.getByRole('tab', { name: 'Python (OpenAI)' })).toHaveCount(0);
    await page.getByText('Use it in code').click();
    await expect(page.getByRole('tab', { name: 'Python (OpenAI)', selected: true })).toBeVisible();
    await expectFitsWidth(page);
    await axe(page, 'code on a phone');
  });
});

test('code for a client key runs unchanged, and its first request is shown', { tag: '@once' }, async ({ page, internalKey }) => {
  await open(page, '/keys/client');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByLabel('Name', { exact: true }).fill('mobile app');
  await page.getByRole('button', { name: 'Submit' }).click();
  const dialog = page.getByRole('dialog');
  const key = (await dialog.getByRole('textbox', { name: 'Secret key' }).textContent()) ?? '';
  await copy(page, dialog);
  await expect(dialog.getByText(WAITING)).toBeVisible();

  await test.step('arrow keys open the other tabs', async () => {
    await dialog.getByRole('tab', { name: 'cURL' }).focus();
    await page.keyboard.press('ArrowRight');
    await expect(dialog.getByRole('tab', { name: 'JavaScript', selected: true })).toBeFocused();
    await page.keyboard.press('End');
    await expect(dialog.getByRole('tabpanel', { name: 'GitHub Actions' })).toContainText(key);
    await page.keyboard.press('ArrowRight');
    await expect(dialog.getByRole('tab', { name: 'cURL', selected: true })).toBeFocused();
  });

  const verdict = run('sh', ['-c'], await codeOf(page, 'cURL'), internalKey);
  expect(JSON.parse(verdict)).toMatchObject({ valid: true, name: 'mobile app' });
  await expect(dialog.getByText('First request just now')).toBeVisible({ timeout: 20_000 });
  expect(run(process.execPath, ['--input-type=module', '-e'], await codeOf(page, 'JavaScript'), internalKey)).toBe('true VALID\n');
  expect(run('python3', ['-c'], await codeOf(page, 'Python'), internalKey)).toBe('True VALID\n');
  expect(await codeOf(page, '.env')).toBe(`API_KEY=${key}`);
  await axe(page, 'the first request');
});

test('an internal key in its row leads to code and can be hidden', { tag: '@widths' }, async ({ page, server, owner: _ }) => {
  await open(page, '/keys/internal');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByLabel('Name', { exact: true }).fill('gateway');
  await page.getByLabel('Duration').selectOption('90 days');
  await page.getByRole('button', { name: 'Submit' }).click();
  const keyRow = row(page, 'gateway');
  const secretField = keyRow.getByRole('textbox', { name: 'Secret key' });
  const key = (await secretField.textContent()) ?? '';
  await expect(keyRow.getByRole('button', { name: 'Hide' }), 'before copying').toHaveCount(0);
  await copy(page, keyRow);
  await expectFitsWidth(page);
  await axe(page, 'a copied key in its row');

  await keyRow.getByRole('button', { name: 'Use in code' }).click();
  const dialog = page.getByRole('dialog', { name: 'Use your new key' });
  expect(await codeOf(page, 'CLI')).toContain(`export LATCHKEY_API_KEY=${key}`);
  expect(await codeOf(page, '.env')).toBe(`LATCHKEY_URL=${server.url}\nLATCHKEY_API_KEY=${key}`);
  expect(JSON.parse(run('sh', ['-c'], await codeOf(page, 'cURL'), ''))).toMatchObject({ key: { name: 'gateway' } });
  await expect(dialog.getByText('First request just now')).toBeVisible({ timeout: 20_000 });
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect(dialog).toHaveCount(0);

  await keyRow.getByRole('button', { name: 'Hide' }).click();
  await expect(secretField).toHaveCount(0);
  await expect(keyRow).toContainText(`lki_…${key.slice(-4)}`);
  expect(await page.content()).not.toContain(key);
});
