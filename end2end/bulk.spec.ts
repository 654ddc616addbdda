// Bulk actions: selecting rows, stopping an action, and exporting the list.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { axe, confirmWithNumber, expect, expectFitsWidth, filter, open, row, rows, test } from './fixtures';

const checkbox = (page: Page, name: string) => page.getByRole('checkbox', { name: `Select ${name}`, exact: true });
const selectAll = (page: Page) => page.getByRole('checkbox', { name: 'Select all' });
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const actionButton = (page: Page, name: string) => page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name });
const keyName = (number: number) => `key ${String(number).padStart(6, '0')}`;

test('rows are selected singly, as a range, and all', { tag: '@widths' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 3_000);
  await open(page, '/keys/agent');
  await expect(actionButton(page, 'Delete')).toBeDisabled();
  await checkbox(page, keyName(2)).click();
  await expect(page.getByText('1 selected', { exact: true })).toBeVisible();
  await checkbox(page, keyName(5)).click({ modifiers: ['Shift'] });
  await expect(page.getByText('4 selected', { exact: true })).toBeVisible();
  await expect(checkbox(page, keyName(4))).toBeChecked();
  await expect(selectAll(page)).toHaveJSProperty('indeterminate', true);
  await axe(page, 'some rows selected');
  await expectFitsWidth(page);

  await test.step('the selection is kept when rows move', async () => {
    await page.getByRole('columnheader', { name: 'Key Name' }).getByRole('button').click();
    await page.getByRole('columnheader', { name: 'Key Name' }).getByRole('button').click();
    await expect(row(page, keyName(3_000))).toBeVisible();
    await expect(page.getByText('4 selected', { exact: true })).toBeVisible();
    await page.getByRole('region', { name: 'Agent API Key' }).evaluate((list) => (list.scrollTop = list.scrollHeight));
    await expect(checkbox(page, keyName(3))).toBeChecked();
    await expect(checkbox(page, keyName(6))).not.toBeChecked();
    await button(page, 'Reload').click();
    await expect(checkbox(page, keyName(3))).toBeChecked();
  });

  await test.step('a range includes rows that were not loaded', async () => {
    await button(page, 'Clear selection').click();
    await expect(page.getByText('selected', { exact: false })).toHaveCount(0);
    await open(page, '/keys/agent');
    await checkbox(page, keyName(1)).click();
    await page.getByRole('region', { name: 'Agent API Key' }).evaluate((list) => (list.scrollTop = list.scrollHeight));
    await checkbox(page, keyName(3_000)).click({ modifiers: ['Shift'] });
    await expect(page.getByText('All 3,000 selected')).toBeVisible();
    await checkbox(page, keyName(2_999)).click();
    await expect(page.getByText('2,999 selected')).toBeVisible();
  });

  await test.step('“Select all” selects all matching rows', async () => {
    await selectAll(page).click();
    await expect(page.getByText('All 3,000 selected')).toBeVisible();
    await checkbox(page, keyName(2_999)).click();
    await expect(page.getByText('2,999 selected', { exact: true })).toBeVisible();
    await page.getByRole('searchbox').fill('00001');
    await expect(page.getByText('2,999 selected')).toHaveCount(0);
    await expect(checkbox(page, keyName(10))).not.toBeChecked();
  });
});

test('actions on the selection replace the filters', { tag: '@widths' }, async ({ page, server, owner }) => {
  await open(page, '/keys/agent');
  // Nothing to search in an empty list, but `Delete` can be found, disabled.
  await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
  await expect(page.getByRole('searchbox')).toHaveCount(0);
  await expect(actionButton(page, 'Delete')).toBeDisabled();

  server.addManyKeys(owner, 20);
  await open(page, '/keys/agent');
  await expect(actionButton(page, 'Delete')).toBeDisabled();
  await expect(actionButton(page, 'Disable')).toHaveCount(0);
  await expect(button(page, 'Export')).toBeVisible();
  const top = async () => (await rows(page).first().boundingBox())!.y;
  const before = await top();
  await checkbox(page, keyName(1)).click();
  await expect(page.getByText('1 selected', { exact: true })).toBeVisible();
  await expect(actionButton(page, 'Disable')).toBeVisible();
  await expect(actionButton(page, 'Delete')).toBeEnabled();
  await expect(actionButton(page, 'Delete')).toBeInViewport({ ratio: 0.99 });
  await expect(button(page, 'Export')).toHaveCount(0);
  expect(await top(), 'the rows do not move').toBe(before);
  await axe(page, 'one row selected');
  await button(page, 'Clear selection').click();
  await expect(button(page, 'Export')).toBeVisible();
  await expect(actionButton(page, 'Delete')).toBeDisabled();
});

test('rows are selected with the keyboard', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 20);
  await open(page, '/keys/agent');
  await checkbox(page, keyName(1)).focus();
  await page.keyboard.press('Space');
  await expect(checkbox(page, keyName(1))).toBeChecked();
  await checkbox(page, keyName(4)).focus();
  await page.keyboard.press('Shift+Space');
  await expect(page.getByText('4 selected', { exact: true })).toBeVisible();
  await page.keyboard.press('Space');
  await expect(page.getByText('3 selected', { exact: true })).toBeVisible();
  await actionButton(page, 'Disable').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByText('3 keys disabled.')).toBeVisible();
  await expect(row(page, keyName(2)).getByText('Disabled', { exact: true })).toBeVisible();
  await expect(row(page, keyName(4)).getByText('Active', { exact: true })).toBeVisible();
  await (await filter(page, 'Status')).selectOption('Disabled');
  await expect(rows(page)).toHaveCount(3);
  await selectAll(page).focus();
  await page.keyboard.press('Space');
  await actionButton(page, 'Enable').press('Enter');
  await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
});

test('“Select all” of a long list excludes keys that are created later', { tag: '@once' }, async ({ page, server, owner, internalKey }) => {
  server.addManyKeys(owner, 200);
  await open(page, '/keys/agent');
  await selectAll(page).click();
  await expect(page.getByText('All 200 selected')).toBeVisible();
  await checkbox(page, keyName(2)).click();
  await server.addKey(internalKey, 'created later');
  await button(page, 'Reload').click();
  await expect(row(page, 'created later')).toBeVisible();
  await expect(page.getByText('199 selected', { exact: true })).toBeVisible();
  await expect(checkbox(page, 'created later')).not.toBeChecked();
  await expect(checkbox(page, keyName(2))).not.toBeChecked();
  await expect(checkbox(page, keyName(3))).toBeChecked();
  await actionButton(page, 'Delete').click();
  await confirmWithNumber(page, 'Delete', 199);
  await expect(page.getByText('199 keys deleted.')).toBeVisible();
  await expect(rows(page)).toHaveCount(2);
});

test('the selection contains only listed keys', { tag: '@once' }, async ({ page, server, owner, internalKey }) => {
  server.addManyKeys(owner, 20);
  await open(page, '/keys/agent');
  await selectAll(page).click();
  await expect(page.getByText('All 20 selected')).toBeVisible();
  await server.addKey(internalKey, 'created later');
  await button(page, 'Reload').click();
  await expect(row(page, 'created later')).toBeVisible();
  await expect(checkbox(page, 'created later')).not.toBeChecked();
  await expect(page.getByText('20 selected', { exact: true })).toBeVisible();

  await test.step('a range starts at the selected key after rows have moved', async () => {
    await button(page, 'Clear selection').click();
    await checkbox(page, keyName(1)).click();
    await server.addKey(internalKey, 'created last');
    await button(page, 'Reload').click();
    await expect(row(page, 'created last')).toBeVisible();
    await checkbox(page, keyName(3)).click({ modifiers: ['Shift'] });
    await expect(page.getByText('2 selected', { exact: true })).toBeVisible();
    await expect(checkbox(page, 'created last')).not.toBeChecked();
    await expect(checkbox(page, 'created later')).not.toBeChecked();
  });

  await test.step('a dialog acts on the keys that it was opened for', async () => {
    await button(page, 'Clear selection').click();
    await selectAll(page).click();
    await actionButton(page, 'Delete').click();
    await expect(page.getByRole('alertdialog', { name: 'Delete 22 keys?' })).toBeVisible();
    await server.addKey(internalKey, 'created after the dialog opened');
    await confirmWithNumber(page, 'Delete', 22);
    await expect(page.getByText('22 keys deleted.')).toBeVisible();
    await expect(row(page, 'created after the dialog opened')).toBeVisible();
    await expect(rows(page)).toHaveCount(1);
  });
});

test.describe('after an error', { tag: '@once' }, () => {
  test.use({ expectedErrors: [410, 503] });

  test('no success is shown and the selection is kept', async ({ page, server, owner }) => {
    // More than are loaded, so that their ids must be read.
    server.addManyKeys(owner, 120);
    await open(page, '/keys/agent');
    await page.route('**/fn/keys/bulk*', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    await checkbox(page, keyName(1)).click();
    await checkbox(page, keyName(4)).click({ modifiers: ['Shift'] });
    await actionButton(page, 'Disable').click();
    await expect(page.getByText("Latchkey can't reach its database right now.")).toBeVisible();
    await expect(page.getByText('4 selected', { exact: true })).toBeVisible();
    await page.unrouteAll();

    await page.route('**/fn/keys/ids*', (route) => route.fulfill({ status: 410, json: { code: 'cursor_expired' } }));
    await selectAll(page).click();
    await actionButton(page, 'Delete').click();
    await confirmWithNumber(page, 'Delete', 120);
    await expect(page.getByText('The list was out of date and has been reloaded.')).toBeVisible();
    await expect(page.getByRole('alertdialog')).toHaveCount(0);
    await expect(page.getByText('keys deleted')).toHaveCount(0);
    await expect(page.getByText('120 keys', { exact: true })).toBeVisible();
  });
});

test.describe('after an error in the middle', { tag: '@once' }, () => {
  test.use({ expectedErrors: [503] });

  test('the result is shown, and the rest can be tried again', async ({ page, server, owner }) => {
    server.addManyKeys(owner, 350);
    await open(page, '/keys/agent');
    let calls = 0;
    await page.route('**/fn/keys/bulk*', (route) => {
      calls += 1;
      return calls === 1 ? route.continue() : route.fulfill({ status: 503, json: { code: 'unavailable' } });
    });
    await selectAll(page).click();
    await actionButton(page, 'Disable').click();
    await confirmWithNumber(page, 'Disable', 350);
    const report = page.getByRole('dialog', { name: 'Not all keys were disabled' });
    await expect(report).toContainText('200 keys disabled. 150 keys not processed.');
    await expect(report.getByRole('alert')).toContainText("Latchkey can't reach its database right now.");
    await expect(page.locator('.toast')).toHaveCount(0);
    await axe(page, 'an action that failed in part');
    await expect(page.getByText('150 selected', { exact: true })).toBeVisible();
    await page.unrouteAll();
    await report.getByRole('button', { name: 'Try the 150 again' }).click();
    await expect(page.getByText('150 keys disabled.')).toBeVisible();
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });
});

test('deleting 10,000 keys can be stopped', { tag: '@once' }, async ({ page, server, owner }) => {
  test.setTimeout(240_000);
  server.addManyKeys(owner, 10_000);
  await open(page, '/keys/agent');
  await selectAll(page).click();
  await expect(page.getByText('All 10,000 selected')).toBeVisible();
  let calls = 0;
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/fn/keys/bulk*', async (route) => {
    calls += 1;
    if (calls === 4) {
      await released;
    }
    await route.continue();
  });
  await actionButton(page, 'Delete').click();
  const confirmation = page.getByRole('alertdialog', { name: 'Delete 10,000 keys?' });
  await expect(confirmation).toContainText('cannot be undone');
  await expect(confirmation.getByRole('listitem').first()).toContainText(keyName(1));
  await expect(confirmation.getByText('and 9,995 more')).toBeVisible();
  await expect(confirmation.getByText('6,667 keys were used in the last 24 hours.')).toBeVisible();
  await axe(page, 'the confirmation');
  await confirmWithNumber(page, 'Delete', 10_000);
  await expect(page.getByText('600 of 10,000')).toBeVisible();
  await expect(page.getByRole('progressbar', { name: 'Deleting keys' })).toBeVisible();
  await expect(page.getByRole('dialog').getByRole('button', { name: 'Close' })).toHaveCount(0);
  await axe(page, 'the progress');
  await button(page, 'Stop').click();
  release();
  await expect(page.getByText('Stopped. 800 of 10,000 keys deleted.')).toBeVisible();
  await expect(page.getByText('9,200 keys', { exact: true })).toBeVisible();
  await expect(page.getByText('All 9,200 selected')).toBeVisible();

  await actionButton(page, 'Delete').click();
  await confirmWithNumber(page, 'Delete', 9_200);
  await expect(page.getByText('9,200 keys deleted.')).toBeVisible({ timeout: 120_000 });
  await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
});

test('an export contains no secrets and no formulas', { tag: '@once' }, async ({ page, server, owner, internalKey }) => {
  server.addManyKeys(owner, 250);
  const { secret } = await server.addKey(internalKey, '=HYPERLINK("https://evil.example")');
  await server.addKey(internalKey, 'two, "three"');
  await open(page, '/keys/agent');
  const exportAs = async (name: string) => {
    await button(page, 'Export').click();
    const download = page.waitForEvent('download');
    await page.getByRole('menuitem', { name }).click();
    const file = await download;
    return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
  };
  const csv = await exportAs('CSV');
  expect(csv.name).toBe('agent-keys.csv');
  const lines = csv.text.trimEnd().split('\r\n');
  expect(lines).toHaveLength(253);
  expect(lines[0], 'Excel needs the byte order mark').toMatch(/^\uFEFFid,kind,name,mask,status,/);
  expect(csv.text).toContain(',"\'=HYPERLINK(""https://evil.example"")",lka_');
  expect(csv.text).toContain(',"two, ""three""",');
  const json = await exportAs('JSON');
  expect(json.name).toBe('agent-keys.json');
  const exported = JSON.parse(json.text);
  expect(exported).toHaveLength(252);
  expect(exported.map((each: { name: string }) => each.name)).toContain('=HYPERLINK("https://evil.example")');
  for (const { text } of [csv, json]) {
    expect(text).not.toContain(secret);
    expect(text).toContain(`lka_…${secret.slice(-4)}`);
  }
  await axe(page, 'after the export');
});
