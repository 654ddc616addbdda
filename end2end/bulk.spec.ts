// Many rows at once: picking, acting on them with a way to stop, and the list as a file.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { axe, expect, fitsWidth, open, row, rows, test } from './fixtures';

const box = (page: Page, name: string) => page.getByRole('checkbox', { name: `Select ${name}`, exact: true });
const all = (page: Page) => page.getByRole('checkbox', { name: 'Select all' });
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const act = (page: Page, name: string) => page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name });
const key = (number: number) => `key ${String(number).padStart(6, '0')}`;

test('rows are picked one by one, in spans, and all', { tag: '@widths' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 3_000);
  await open(page, '/keys/agent');
  await expect(act(page, 'Delete')).toBeDisabled();
  await box(page, key(2)).click();
  await expect(page.getByText('1 selected', { exact: true })).toBeVisible();
  await box(page, key(5)).click({ modifiers: ['Shift'] });
  await expect(page.getByText('4 selected', { exact: true })).toBeVisible();
  await expect(box(page, key(4))).toBeChecked();
  await expect(all(page)).toHaveJSProperty('indeterminate', true);
  await axe(page, 'some rows picked');
  await fitsWidth(page);

  await test.step('what is picked stays so wherever its row goes', async () => {
    await page.getByRole('columnheader', { name: 'Key Name' }).getByRole('button').click();
    await page.getByRole('columnheader', { name: 'Key Name' }).getByRole('button').click();
    await expect(row(page, key(3_000))).toBeVisible();
    await expect(page.getByText('4 selected', { exact: true })).toBeVisible();
    await page.getByRole('region', { name: 'Agent API Key' }).evaluate((list) => (list.scrollTop = list.scrollHeight));
    await expect(box(page, key(3))).toBeChecked();
    await expect(box(page, key(6))).not.toBeChecked();
    await button(page, 'Reload').click();
    await expect(box(page, key(3))).toBeChecked();
  });

  await test.step('a span reaches over rows that were never at hand', async () => {
    await button(page, 'Clear selection').click();
    await expect(page.getByText('selected', { exact: false })).toHaveCount(0);
    await open(page, '/keys/agent');
    await box(page, key(1)).click();
    await page.getByRole('region', { name: 'Agent API Key' }).evaluate((list) => (list.scrollTop = list.scrollHeight));
    await box(page, key(3_000)).click({ modifiers: ['Shift'] });
    await expect(page.getByText('All 3,000 selected')).toBeVisible();
    await box(page, key(2_999)).click();
    await expect(page.getByText('2,999 selected')).toBeVisible();
  });

  await test.step('all means all that match', async () => {
    await all(page).click();
    await expect(page.getByText('All 3,000 selected')).toBeVisible();
    await box(page, key(2_999)).click();
    await expect(page.getByText('2,999 selected', { exact: true })).toBeVisible();
    await page.getByRole('searchbox').fill('00001');
    await expect(page.getByText('2,999 selected')).toHaveCount(0);
    await expect(box(page, key(10))).not.toBeChecked();
  });
});

test('rows are picked by the keyboard', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 20);
  await open(page, '/keys/agent');
  await box(page, key(1)).focus();
  await page.keyboard.press('Space');
  await expect(box(page, key(1))).toBeChecked();
  await box(page, key(4)).focus();
  await page.keyboard.press('Shift+Space');
  await expect(page.getByText('4 selected', { exact: true })).toBeVisible();
  await page.keyboard.press('Space');
  await expect(page.getByText('3 selected', { exact: true })).toBeVisible();
  await act(page, 'Disable').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByText('3 keys disabled.')).toBeVisible();
  await expect(row(page, key(2)).getByText('Disabled', { exact: true })).toBeVisible();
  await expect(row(page, key(4)).getByText('Active', { exact: true })).toBeVisible();
  await page.getByLabel('Status', { exact: true }).selectOption('Disabled');
  await expect(rows(page)).toHaveCount(3);
  await all(page).focus();
  await page.keyboard.press('Space');
  await act(page, 'Enable').press('Enter');
  await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
});

test('what is picked is what was there to see', { tag: '@once' }, async ({ page, server, owner, platformKey }) => {
  server.addManyKeys(owner, 20);
  await open(page, '/keys/agent');
  await all(page).click();
  await expect(page.getByText('All 20 selected')).toBeVisible();
  await server.addKey(platformKey, 'made later');
  await button(page, 'Reload').click();
  await expect(box(page, 'made later')).not.toBeChecked();
  await expect(page.getByText('selected', { exact: false })).toHaveCount(0);

  await test.step('a span does not begin where another row stands now', async () => {
    await box(page, key(1)).click();
    await server.addKey(platformKey, 'made last');
    await button(page, 'Reload').click();
    await expect(row(page, 'made last')).toBeVisible();
    await box(page, key(3)).click({ modifiers: ['Shift'] });
    await expect(page.getByText('2 selected', { exact: true })).toBeVisible();
    await expect(box(page, 'made last')).not.toBeChecked();
    await expect(box(page, 'made later')).not.toBeChecked();
  });

  await test.step('a dialog is about what it asked about', async () => {
    await button(page, 'Clear selection').click();
    await all(page).click();
    await act(page, 'Delete').click();
    const question = page.getByRole('alertdialog', { name: 'Delete 22 keys?' });
    await server.addKey(platformKey, 'not asked about');
    await question.getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByText('22 keys deleted.')).toBeVisible();
    await expect(row(page, 'not asked about')).toBeVisible();
    await expect(rows(page)).toHaveCount(1);
  });
});

test.describe('where it fails', { tag: '@once' }, () => {
  test.use({ refusals: [410, 503] });

  test('nothing is claimed, and what is picked stays', async ({ page, server, owner }) => {
    server.addManyKeys(owner, 20);
    await open(page, '/keys/agent');
    await page.route('**/fn/keys/act*', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    await box(page, key(1)).click();
    await box(page, key(4)).click({ modifiers: ['Shift'] });
    await act(page, 'Disable').click();
    await expect(page.getByText("Latchkey can't reach its database right now.")).toBeVisible();
    await expect(page.getByText('4 selected', { exact: true })).toBeVisible();
    await page.unrouteAll();

    await page.route('**/fn/keys/ids*', (route) => route.fulfill({ status: 410, json: { code: 'cursor_expired' } }));
    await all(page).click();
    await act(page, 'Delete').click();
    await page.getByRole('alertdialog', { name: 'Delete 20 keys?' }).getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByText('The list was out of date and has been reloaded.')).toBeVisible();
    await expect(page.getByRole('alertdialog')).toHaveCount(0);
    await expect(page.getByText('keys deleted')).toHaveCount(0);
    await expect(rows(page)).toHaveCount(20);
  });
});

test('ten thousand keys are deleted, and it can be stopped', { tag: '@once' }, async ({ page, server, owner }) => {
  test.setTimeout(240_000);
  server.addManyKeys(owner, 10_000);
  await open(page, '/keys/agent');
  await all(page).click();
  await expect(page.getByText('All 10,000 selected')).toBeVisible();
  let calls = 0;
  let more = () => {};
  const held = new Promise<void>((resolve) => (more = resolve));
  await page.route('**/fn/keys/act*', async (route) => {
    calls += 1;
    if (calls === 4) {
      await held;
    }
    await route.continue();
  });
  await act(page, 'Delete').click();
  const question = page.getByRole('alertdialog', { name: 'Delete 10,000 keys?' });
  await expect(question).toContainText('cannot be undone');
  await axe(page, 'the confirmation');
  await question.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('600 of 10,000')).toBeVisible();
  await expect(page.getByRole('progressbar', { name: 'Deleting keys' })).toBeVisible();
  await axe(page, 'the progress');
  await button(page, 'Stop').click();
  more();
  await expect(page.getByText('800 keys deleted. 9,200 keys not processed.')).toBeVisible();
  await expect(page.getByText('9,200 keys', { exact: true })).toBeVisible();
  await expect(page.getByText('All 9,200 selected')).toBeVisible();

  await act(page, 'Delete').click();
  await page.getByRole('alertdialog', { name: 'Delete 9,200 keys?' }).getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('9,200 keys deleted.')).toBeVisible({ timeout: 120_000 });
  await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
});

test('the list as a file holds no secret and no formula', { tag: '@once' }, async ({ page, server, owner, platformKey }) => {
  server.addManyKeys(owner, 250);
  const { secret } = await server.addKey(platformKey, '=HYPERLINK("https://evil.example")');
  await server.addKey(platformKey, 'two, "three"');
  await open(page, '/keys/agent');
  const download = async (name: string) => {
    await button(page, 'Export').click();
    const saved = page.waitForEvent('download');
    await page.getByRole('menuitem', { name }).click();
    const file = await saved;
    return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
  };
  const csv = await download('CSV');
  expect(csv.name).toBe('agent-keys.csv');
  const lines = csv.text.trimEnd().split('\r\n');
  expect(lines).toHaveLength(253);
  expect(lines[0]).toMatch(/^id,kind,name,mask,status,/);
  expect(csv.text).toContain(',"\'=HYPERLINK(""https://evil.example"")",lka_');
  expect(csv.text).toContain(',"two, ""three""",');
  const json = await download('JSON');
  expect(json.name).toBe('agent-keys.json');
  const read = JSON.parse(json.text);
  expect(read).toHaveLength(252);
  expect(read.map((each: { name: string }) => each.name)).toContain('=HYPERLINK("https://evil.example")');
  for (const { text } of [csv, json]) {
    expect(text).not.toContain(secret);
    expect(text).toContain(`lka_…${secret.slice(-4)}`);
  }
  await axe(page, 'after the export');
});
