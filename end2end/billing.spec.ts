// Usage and cost by month. See charts.spec.ts for the chart.

import { readFileSync } from 'node:fs';
import { axe, expect, expectFitsWidth, open, row, rows, test, waitForPage } from './fixtures';
import type { Server, User } from './server';

const DAY_MS = 86_400_000;
const today = () => Math.floor(Date.now() / DAY_MS);
const date = (day: number) => new Date(day * DAY_MS);

/** Counts requests of an organization's keys on one day: by default 1 to 7 of each key. */
function addUsage(server: Server, owner: User, day: number, requests = '1 + k.number % 7'): void {
  server.sql(`insert into usage_by_day (organization_id, day, key_id, requests)
    select k.organization_id, ${day}, k.id, ${requests} from api_keys k join users u on u.organization_id = k.organization_id
    where u.email = '${owner.email}'`);
}

test('more than a page of keys are searched, turned and exported', { tag: '@widths' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 70, 'client');
  addUsage(server, owner, today());
  await open(page, '/billing');
  const table = page.getByRole('table', { name: 'Requests by key' });
  const keys = table.getByRole('row').filter({ has: page.getByRole('cell') });
  await expect(keys).toHaveCount(50);
  await expect(page.getByText('70 keys', { exact: true })).toBeVisible();
  await expect(page.getByText('1–50 of 70')).toBeVisible();
  await page.getByRole('button', { name: 'Next page' }).click();
  await expect(keys).toHaveCount(20);
  await expect(page.getByText('51–70 of 70')).toBeVisible();
  expect(new URL(page.url()).search).toBe('?page=2');
  await expect(page.getByRole('button', { name: 'Next page' })).toBeDisabled();
  await page.reload();
  await expect(keys).toHaveCount(20);

  await page.getByRole('searchbox').fill('000007');
  await expect(keys).toHaveCount(1);
  await expect(row(page, 'key 000007')).toContainText('Not priced');
  await expect(page.getByText('1 key', { exact: true })).toBeVisible();
  await expect(page.getByRole('searchbox')).toBeFocused();
  await expect(page.getByRole('slider', { name: 'Day' }), 'the search does not reload the chart').toBeVisible();
  await page.getByRole('searchbox').fill('nothing');
  await expect(page.getByText('No keys match your search.')).toBeVisible();
  await page.getByRole('searchbox').fill('');
  await expect(keys).toHaveCount(50);
  await axe(page, 'billing with many keys');
  await expectFitsWidth(page);

  let reads = 0;
  page.on('request', (request) => (reads += Number(request.url().includes('/fn/billing/'))));
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export CSV' }).click();
  const file = await downloading;
  expect(reads, 'requests, each of which reads the usage of all keys').toBe(1);
  expect(file.suggestedFilename()).toMatch(/^usage-\d{4}-\d{2}\.csv$/);
  const lines = readFileSync(await file.path(), 'utf8').trimEnd().split('\r\n');
  expect(lines).toHaveLength(71);
  expect(lines[0], 'Excel needs the byte order mark').toMatch(/^\uFEFFmonth,id,api_key,/);
  const shares = lines.slice(1).map((line) => Number(line.split(',')[7]));
  expect(shares.reduce((total, share) => total + share, 0)).toBeCloseTo(100, 5);
});

test('totals have two decimals, prices have six', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 1, 'client');
  server.sql(`insert into usage_by_day (organization_id, day, key_id, requests, cost)
    select k.organization_id, ${today()}, k.id, 1632895, 601761417582 from api_keys k join users u on u.organization_id = k.organization_id
    where u.email = '${owner.email}'`);
  await open(page, '/billing');
  const cells = row(page, 'key 000001').getByRole('cell');
  await expect(cells.nth(4)).toHaveText('100.0%');
  await expect(cells.nth(5)).toHaveText('US$0.368524');
  await expect(cells.nth(6)).toHaveText('US$601,761.42');
  await expect(cells.nth(6).locator('span')).toHaveAttribute('title', 'US$601,761.417582');
});

test('months are turned, and an address without one is corrected', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 1, 'client');
  const lastMonth = date(today() - date(today()).getUTCDate());
  addUsage(server, owner, Math.floor(lastMonth.getTime() / DAY_MS), '7');
  const name = (day: Date) => day.toLocaleDateString('en-US', { month: 'long', year: 'numeric', timeZone: 'UTC' });
  const heading = (text: string) => page.getByRole('heading', { name: text, level: 2 });
  await open(page, '/billing');
  await expect(heading(name(date(today())))).toBeVisible();
  await expect(page.getByText('No requests this month')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Next month' })).toHaveAttribute('aria-disabled', 'true');
  await page.getByRole('link', { name: 'Previous month' }).click();
  await expect(heading(name(lastMonth))).toBeVisible();
  await expect(rows(page).filter({ hasText: 'key 000001' })).toContainText('100.0%');
  for (const wrong of ['2099-01', '2000-01', 'banana']) {
    await page.goto(`/billing?month=${wrong}`);
    await waitForPage(page, '/billing');
    await expect(heading(name(date(today())))).toBeVisible();
  }
});

test('the cost of language models is listed by model', async ({ page, server, owner }) => {
  const usage = (model: string, values: string) => `insert into model_usage_by_day (organization_id, day, user_id, key_id, model_id, model, provider_id,
      state, calls, failures, input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost)
    select organization_id, ${today()}, id, '', 'mdl_${model}', '${model}', 'prv_1', ${values} from users where email = '${owner.email}';`;
  server.sql(
    usage('gpt-5', "'reported', 1204, 3, 2000000, 500000, 0, 150000, 20000, 12345678901") +
      usage('house-model', "'unpriced', 7, 0, 7000, 0, 0, 900, 0, 0") +
      usage('gpt-5-mini', "'estimated', 1, 1, 10, 0, 0, 2, 0, 24000"),
  );
  await open(page, '/billing');
  await expect(page.getByText('No requests this month')).toHaveCount(0);
  const table = page.getByRole('table', { name: 'Cost by model' });
  const models = table.getByRole('row').filter({ has: page.getByRole('cell') });
  await expect(models).toHaveCount(3);
  await expect(models.nth(0).getByRole('cell')).toHaveText(['gpt-5', '1,204', '3', '2,000,000', '150,000', '$12.35']);
  await expect(models.nth(0).getByTitle('$12.345678901')).toBeVisible();
  await expect(row(page, 'house-model')).toContainText('$0.00 7 without a price');
  await expect(row(page, 'gpt-5-mini')).toContainText('$0.000024 1 estimated');
  await axe(page, 'cost by model');
  await expectFitsWidth(page);
  await page.getByRole('link', { name: 'call log' }).click();
  await waitForPage(page, '/settings/calls');
});
