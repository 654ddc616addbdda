// Limits of client and corpus keys: creating, listing and editing.

import type { Locator, Page } from '@playwright/test';
import { axe, copyAndClose, expect, expectFitsWidth, open, openLimits, row, test } from './fixtures';

// Validation errors of the server.
test.use({ expectedErrors: [422] });

const dialog = (page: Page): Locator => page.getByRole('dialog');
const rate = (page: Page, index: number): Locator => page.getByRole('group', { name: `Rate limit ${index}`, exact: true });
const button = (page: Page, name: string): Locator => dialog(page).getByRole('button', { name, exact: true });

async function addRate(page: Page, index: number, name: string, limit: string, span: string, unit: string): Promise<void> {
  await button(page, 'Add rate limit').click();
  await expect(rate(page, index).getByLabel('Name')).toBeFocused();
  await expect(rate(page, index).getByLabel('Name')).toHaveValue(`limit-${index}`);
  await rate(page, index).getByLabel('Name').fill(name);
  await rate(page, index).getByLabel('Limit').fill(limit);
  await rate(page, index).getByLabel('In any').fill(span);
  await rate(page, index).getByLabel('Unit').selectOption(unit);
}

async function edit(page: Page, name: string): Promise<void> {
  await row(page, name).getByRole('button', { name: 'Edit' }).click();
  await expect(dialog(page)).toBeVisible();
}

async function save(page: Page): Promise<void> {
  await button(page, 'Save').click();
  await expect(dialog(page)).toHaveCount(0);
}

test('limits are set, listed, changed and removed', { tag: '@widths' }, async ({ page, server, internalKey }) => {
  await open(page, '/keys/client');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await dialog(page).getByLabel('Name', { exact: true }).fill('mobile app');
  await expect(button(page, 'Add rate limit')).toBeHidden();
  await openLimits(page);
  await axe(page, 'limits, none yet');
  await addRate(page, 1, 'burst', '20', '10', 'seconds');
  await addRate(page, 2, 'minute', '1,000', '1', 'minutes');
  await addRate(page, 3, 'temporary', '1', '1', 'days');
  await rate(page, 3).getByRole('button', { name: 'Remove' }).click();
  await expect(rate(page, 3)).toHaveCount(0);
  await expect(button(page, 'Add rate limit')).toBeFocused();
  await dialog(page).getByLabel('Limit total uses (credits)').check();
  await dialog(page).getByLabel('Remaining').fill('500');
  await expect(dialog(page).getByLabel('Amount')).toHaveCount(0);
  await dialog(page).getByLabel('Refill').selectOption('Every month');
  await dialog(page).getByLabel('Amount').fill('2000');
  await dialog(page).getByLabel('Allowed addresses').fill('192.0.2.0/24\n\n2001:db8::1\n');
  await axe(page, 'limits, filled in');
  await expectFitsWidth(page);
  await button(page, 'Submit').click();
  await expect(dialog(page).getByRole('textbox', { name: 'Secret key' })).toBeVisible();
  await copyAndClose(page);

  const summary = row(page, 'mobile app').getByText('20/10 s · 1,000/min · 500 credits · 2 networks');
  await expect(summary).toHaveAttribute('title', /^burst: at most 20 in any 10 seconds\nminute: at most 1,000 in any minute\n500 credits left/);
  await axe(page, 'limits, in the list');
  const { items } = await server.get(internalKey, '/keys?kind=client');
  const path = `/keys/${items[0].id}`;
  expect(await server.get(internalKey, path)).toMatchObject({
    rate_limits: [
      { name: 'burst', limit: 20, duration_ms: 10_000 },
      { name: 'minute', limit: 1000, duration_ms: 60_000 },
    ],
    credits: { remaining: 500, refill: 'monthly', amount: 2000 },
    allowed_ips: ['192.0.2.0/24', '2001:db8::1/128'],
  });

  // Credits that are used while the dialog is open are not restored by saving.
  await edit(page, 'mobile app');
  await expect(rate(page, 2).getByLabel('Limit'), 'expanded because the key has limits').toHaveValue('1000');
  await expect(rate(page, 2).getByLabel('Unit')).toHaveValue('minutes');
  server.sql(`update api_keys set credits_remaining = 77 where id = '${items[0].id}'`);
  await rate(page, 1).getByLabel('Limit').fill('30');
  await expect(rate(page, 1).getByRole('checkbox', { name: 'Strict' })).not.toBeChecked();
  await rate(page, 2).getByRole('checkbox', { name: 'Strict' }).check();
  await save(page);
  expect((await server.get(internalKey, path)).credits.remaining).toBe(77);
  expect((await server.get(internalKey, path)).rate_limits.map((limit: { strict?: boolean }) => limit.strict ?? false)).toEqual([false, true]);
  await expect(row(page, 'mobile app')).toContainText('30/10 s · 1,000/min · 77 credits');

  await edit(page, 'mobile app');
  await expect(rate(page, 2).getByRole('checkbox', { name: 'Strict' })).toBeChecked();
  await dialog(page).getByLabel('Amount').fill('3000');
  server.sql(`update api_keys set credits_remaining = 66 where id = '${items[0].id}'`);
  await save(page);
  expect((await server.get(internalKey, path)).credits).toEqual({ remaining: 66, refill: 'monthly', amount: 3000 });

  await edit(page, 'mobile app');
  await rate(page, 1).getByRole('button', { name: 'Remove' }).click();
  await expect(rate(page, 1).getByLabel('Name'), 'the second limit is now the first').toHaveValue('minute');
  await dialog(page).getByLabel('Limit total uses (credits)').uncheck();
  await dialog(page).getByLabel('Allowed addresses').fill('');
  await save(page);
  expect(await server.get(internalKey, path)).toMatchObject({ rate_limits: [{ name: 'minute' }], credits: null, allowed_ips: [] });
  await expect(row(page, 'mobile app').getByText('1,000/min', { exact: true })).toHaveCount(1);
});

test('limits of a corpus key are set, listed, changed and removed', { tag: '@widths' }, async ({ page, server, internalKey }) => {
  test.setTimeout(120_000);
  const perAddress = (index: number) => page.getByRole('group', { name: `Limit per address ${index}`, exact: true });
  await server.api(internalKey, '/corpora', { name: 'handbook' });
  await open(page, '/keys/corpus');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await dialog(page).getByLabel('Name', { exact: true }).fill('help pages');
  await expect(dialog(page).getByRole('checkbox', { name: 'handbook' })).toBeChecked();
  await expect(dialog(page).getByText('Rate limits, credits, allowed origins')).toBeVisible();
  await openLimits(page);
  await expect(dialog(page).getByLabel('Allowed addresses')).toHaveCount(0);
  await addRate(page, 1, 'all', '1,000', '1', 'minutes');
  await button(page, 'Add limit per address').click();
  await expect(perAddress(1).getByLabel('Name')).toBeFocused();
  await perAddress(1).getByLabel('Name').fill('each');
  const origins = dialog(page).getByLabel('Allowed origins');
  await origins.fill('https://Help.example.com/\n\nexample.com');

  // All errors at once.
  await button(page, 'Submit').click();
  await expect(perAddress(1).getByLabel('Limit')).toHaveAccessibleDescription('Limit per address 1, limit: Enter a number.');
  await expect(origins).toHaveAccessibleDescription(/^“example.com”: Must be an origin/);
  await axe(page, 'limits of a corpus key, invalid');
  await perAddress(1).getByLabel('Limit').fill('20');
  await origins.fill('https://Help.example.com/\nhttp://localhost:8080');
  await expectFitsWidth(page);
  await button(page, 'Submit').click();
  await expect(dialog(page).getByRole('textbox', { name: 'Secret key' })).toBeVisible();
  await copyAndClose(page);

  const summary = row(page, 'help pages').getByText('1,000/min · 20/min per address · 2 origins');
  await expect(summary).toHaveAttribute('title', /^all: at most 1,000 in any minute\neach: at most 20 in any minute per address\nOnly from pages of https:/);
  await expectFitsWidth(page);
  const { items } = await server.get(internalKey, '/keys?kind=corpus');
  const path = `/keys/${items[0].id}`;
  expect(await server.get(internalKey, path)).toMatchObject({
    rate_limits: [{ name: 'all', limit: 1000, duration_ms: 60_000 }],
    address_rate_limits: [{ name: 'each', limit: 20, duration_ms: 60_000 }],
    allowed_origins: ['https://help.example.com', 'http://localhost:8080'],
    allowed_ips: [],
  });

  const edit = async () => {
    await row(page, 'help pages').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Edit' }).click();
    await expect(dialog(page)).toContainText('help pages');
  };
  await edit();
  await expect(rate(page, 1).getByLabel('Limit')).toHaveValue('1000');
  await expect(origins).toHaveValue('https://help.example.com\nhttp://localhost:8080');
  await axe(page, 'limits of a corpus key, edited');
  await perAddress(1).getByLabel('Limit').fill('30');
  await dialog(page).getByLabel('Limit total uses (credits)').check();
  await dialog(page).getByLabel('Remaining').fill('500');
  await save(page);
  await expect(row(page, 'help pages')).toContainText('1,000/min · 30/min per address · 500 credits · 2 origins');

  await edit();
  await rate(page, 1).getByRole('button', { name: 'Remove' }).click();
  await perAddress(1).getByRole('button', { name: 'Remove' }).click();
  await expect(button(page, 'Add limit per address')).toBeFocused();
  await dialog(page).getByLabel('Limit total uses (credits)').uncheck();
  await origins.fill('');
  await save(page);
  await expect(row(page, 'help pages').getByText('No limits', { exact: true })).toHaveCount(1);
  const cleared = { rate_limits: [], address_rate_limits: [], credits: null, allowed_origins: [] };
  expect(await server.get(internalKey, path)).toMatchObject({ ...cleared, name: 'help pages', corpora: [1], scopes: ['query'] });

  // Without limits, the section is open: there is nothing else to edit.
  await edit();
  await expect(button(page, 'Add rate limit')).toBeVisible();
  await expectFitsWidth(page);
});

test('an invalid limit is shown at its field', { tag: '@once' }, async ({ page, owner: _ }) => {
  await open(page, '/keys/client');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await dialog(page).getByLabel('Name', { exact: true }).fill('mobile app');
  await openLimits(page);
  await addRate(page, 1, 'burst', '20', '10', 'seconds');
  await addRate(page, 2, 'burst', 'many', '32', 'days');
  // All errors at once, each with its row and field.
  await button(page, 'Submit').click();
  await expect(rate(page, 2).getByLabel('Name')).toBeFocused();
  await expect(rate(page, 2).getByLabel('Name')).toHaveAccessibleDescription('Rate limit 2, name: Another limit has this name.');
  await expect(rate(page, 2).getByLabel('Limit')).toHaveAccessibleDescription('Rate limit 2, limit: Enter a number.');
  await expect(rate(page, 2).getByLabel('In any')).toHaveAccessibleDescription(/^Rate limit 2, period: .* 31 days/);
  await axe(page, 'limits, invalid');
  await rate(page, 2).getByLabel('Name').fill('month');
  await rate(page, 2).getByLabel('Limit').fill('5');
  await rate(page, 2).getByLabel('In any').fill('30');

  await dialog(page).getByLabel('Limit total uses (credits)').check();
  await dialog(page).getByLabel('Refill').selectOption('Every day');
  await button(page, 'Submit').click();
  await expect(dialog(page).getByLabel('Amount')).toBeFocused();
  await expect(dialog(page).getByLabel('Amount')).toHaveAttribute('aria-invalid', 'true');
  await dialog(page).getByLabel('Amount').fill('9');

  // An error expands the collapsed section.
  const addresses = dialog(page).getByLabel('Allowed addresses');
  await addresses.fill('10.0.0.0/8\n\nexample.com');
  await dialog(page).getByText('Limits', { exact: true }).click();
  await expect(addresses).toBeHidden();
  await expect(dialog(page).getByText('20/10 s · 5/30 days · 9 credits · 2 networks')).toBeVisible();
  await button(page, 'Submit').click();
  await expect(addresses).toBeFocused();
  await expect(addresses).toHaveAccessibleDescription(/^“example.com”: Must be a network/);
  await addresses.fill('10.0.0.0/8');
  await button(page, 'Submit').click();
  await expect(dialog(page).getByRole('textbox', { name: 'Secret key' })).toBeVisible();
  await copyAndClose(page);
  await expect(row(page, 'mobile app')).toContainText('20/10 s · 5/30 days · 9 credits · 1 network');
});

test('limits are set with the keyboard', { tag: '@once' }, async ({ page, owner: _ }) => {
  const press = (key: string) => page.keyboard.press(key);
  const tabTo = async (target: Locator) => {
    for (let stops = 0; stops < 30 && !(await target.evaluate((element) => element === document.activeElement)); stops += 1) {
      await press('Tab');
    }
    await expect(target).toBeFocused();
  };
  await open(page, '/keys/client');
  await page.getByRole('button', { name: 'Create', exact: true }).focus();
  await press('Enter');
  await expect(dialog(page).getByLabel('Name', { exact: true })).toBeFocused();
  await page.keyboard.type('mobile app');
  await tabTo(dialog(page).locator('summary', { hasText: 'Limits' }));
  await press('Enter');
  await tabTo(button(page, 'Add rate limit'));
  await press('Enter');
  await expect(rate(page, 1).getByLabel('Name')).toBeFocused();
  await page.keyboard.type('burst');
  await press('Tab');
  await page.keyboard.type('20');
  await tabTo(rate(page, 1).getByLabel('Unit'));
  await page.keyboard.type('h');
  await press('Shift+Tab');
  await press('Enter');
  await expect(dialog(page).getByRole('textbox', { name: 'Secret key' })).toBeVisible();
  await copyAndClose(page);
  await expect(row(page, 'mobile app').getByText('20/h', { exact: true })).toBeVisible();
});
