// Charts, on the page that has one for everybody: by mouse, touch and keyboard, as a table, in other time zones and in forced colors.

import type { Page } from '@playwright/test';
import { axe, expect, expectFitsWidth, open, test } from './fixtures';
import type { Server, User } from './server';

const DAY_MS = 86_400_000;
const today = () => Math.floor(Date.now() / DAY_MS);
const date = (day: number) => new Date(day * DAY_MS);
const dayOfMonth = () => date(today()).getUTCDate();
const dayName = (day: number) => date(day).toLocaleDateString('en-US', { month: 'long', day: 'numeric', timeZone: 'UTC' });
const todayName = () => `${dayName(today())} (today)`;
const daysInMonth = () => new Date(Date.UTC(date(today()).getUTCFullYear(), date(today()).getUTCMonth() + 1, 0)).getUTCDate();

/** Counts requests of today, of a new key. */
function addUsage(server: Server, owner: User, requests: number, cost = 0): void {
  server.addManyKeys(owner, 1, 'client');
  server.sql(`insert into usage_by_day (organization_id, day, key_id, requests, cost)
    select k.organization_id, ${today()}, k.id, ${requests}, ${cost} from api_keys k join users u on u.organization_id = k.organization_id
    where u.email = '${owner.email}'`);
}

const slider = (page: Page) => page.getByRole('slider', { name: 'Day' });
const shown = (page: Page) => page.locator('.chart-value');
const bars = (page: Page) => page.locator('.series-plain path');
const axis = (page: Page) => page.locator('.chart-axis span');

/** The middle of the bar of a day of the month. */
async function place(page: Page, day: number): Promise<{ x: number; y: number }> {
  await slider(page).scrollIntoViewIfNeeded();
  const box = (await slider(page).boundingBox())!;
  return { x: box.x + ((day - 0.5) * box.width) / daysInMonth(), y: box.y + box.height / 2 };
}

test('the values of a day are shown on hover, touch and focus', async ({ page, server, owner }) => {
  addUsage(server, owner, 1204);
  await open(page, '/billing');
  await expect(shown(page)).toHaveText('Requests per day');
  await axe(page, 'billing');
  await expectFitsWidth(page);

  const width = await bars(page).evaluate((path) => parseFloat(getComputedStyle(path).strokeWidth));
  expect(width, 'width of a bar').toBeLessThanOrEqual(24);
  expect(width, 'width of a bar').toBeGreaterThanOrEqual(5);
  const at = await place(page, dayOfMonth());
  await page.mouse.move(at.x, at.y);
  await expect(shown(page)).toHaveText(`${todayName()}: 1,204 requests`);
  if (dayOfMonth() < daysInMonth()) {
    const future = await place(page, daysInMonth());
    await page.mouse.move(future.x, future.y);
    await expect(shown(page)).toHaveText('Requests per day');
    await page.mouse.move(at.x, at.y);
    await expect(shown(page)).toHaveText(`${todayName()}: 1,204 requests`);
  }
  await page.mouse.move(0, 0);
  await expect(shown(page)).toHaveText('Requests per day');

  // After a touch the values stay.
  const touch = { pointerType: 'touch', clientX: at.x, clientY: at.y };
  await slider(page).dispatchEvent('pointerdown', touch);
  await slider(page).dispatchEvent('pointerleave', touch);
  await expect(shown(page)).toHaveText(`${todayName()}: 1,204 requests`);

  await slider(page).focus();
  await expect(slider(page)).toHaveAttribute('aria-valuetext', `${todayName()}: 1,204 requests`);
  const value = async (key: string, day: number) => {
    await page.keyboard.press(key);
    await expect(slider(page)).toHaveAttribute('aria-valuenow', String(Math.min(Math.max(day, 1), dayOfMonth())));
  };
  await value('Home', 1);
  if (dayOfMonth() > 1) {
    await expect(shown(page)).toHaveText(`${dayName(today() - dayOfMonth() + 1)}: 0 requests`);
  }
  await value('ArrowLeft', 1);
  await value('ArrowRight', 2);
  await value('ArrowUp', 3);
  await value('End', dayOfMonth());
  await value('ArrowRight', dayOfMonth());
  await value('ArrowDown', dayOfMonth() - 1);
  await value('End', dayOfMonth());
  await value('PageDown', dayOfMonth() - 6);
  await value('Home', 1);
  await value('PageUp', 7);
  await slider(page).blur();
  await expect(shown(page)).toHaveText('Requests per day');
});

test('the same values are in a table', { tag: '@widths' }, async ({ page, server, owner }) => {
  addUsage(server, owner, 1204, 3_010_000);
  await open(page, '/billing');
  const summary = page.getByText('Show as table');
  await summary.focus();
  await page.keyboard.press('Enter');
  const table = page.getByRole('table', { name: 'Requests per day' });
  await expect(table.getByRole('columnheader')).toHaveText(['Day', 'Requests', 'Cost']);
  await expect(table.getByRole('rowheader')).toHaveCount(dayOfMonth());
  await expect(table.getByRole('row').filter({ hasText: todayName() }).getByRole('cell')).toHaveText(['1,204', '3.01 USD']);
  await axe(page, 'the table of a chart');
  await expectFitsWidth(page);
  await page.keyboard.press('Enter');
  await expect(table).toHaveCount(0);
});

test('one and many requests have a fitting axis', { tag: '@once' }, async ({ page, server, owner }) => {
  addUsage(server, owner, 1);
  await open(page, '/billing');
  await expect(axis(page)).toHaveText(['1', '', '0']);
  await expect(bars(page)).toHaveAttribute('d', `M${(dayOfMonth() - 1) * 10 + 5} 1000v-1000`);
  await expect(page.locator('.chart figcaption')).toContainText(`: 1 request. Highest: ${todayName()}, 1`);
  server.sql(`update usage_by_day set requests = 1632895 where organization_id = (select organization_id from users where email = '${owner.email}')`);
  await page.reload();
  await expect(axis(page)).toHaveText(['2M', '1M', '0']);
  await expect(bars(page)).toHaveAttribute('d', `M${(dayOfMonth() - 1) * 10 + 5} 1000v-816`);
  await slider(page).focus();
  await expect(shown(page)).toHaveText(`${todayName()}: 1,632,895 requests`);
});

// The server renders the chart, and hydration must not change it.
for (const timezoneId of ['UTC', 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Kiritimati']) {
  test.describe(`in ${timezoneId}`, () => {
    test.use({ timezoneId });

    test('the days of a month are in UTC', { tag: '@once' }, async ({ page, server, owner }) => {
      addUsage(server, owner, 7);
      await open(page, '/billing');
      await expect(page.locator('.chart-tick-current')).toHaveText(String(dayOfMonth()));
      await expect(slider(page)).toHaveAttribute('aria-valuemax', String(dayOfMonth()));
      await expect(slider(page)).toHaveAttribute('aria-valuetext', `${todayName()}: 7 requests`);
    });
  });
}

test('bars and texts have the colors of the system if it forces them', { tag: '@once' }, async ({ page, server, owner }) => {
  addUsage(server, owner, 7);
  await page.emulateMedia({ forcedColors: 'active' });
  await open(page, '/billing');
  const colors = await page.evaluate(() => {
    const style = (selector: string) => getComputedStyle(document.querySelector(selector)!);
    const text = style('body').color;
    return { text, bars: style('.series-plain path').stroke, tick: style('.chart-ticks text').color };
  });
  expect(colors.bars).toBe(colors.text);
  expect(colors.tick).toBe(colors.text);
  const at = await place(page, dayOfMonth());
  await page.mouse.move(at.x, at.y);
  await expect(shown(page)).toHaveText(`${todayName()}: 7 requests`);
});
