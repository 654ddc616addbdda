// ISSUED KEYS: periods, pagination, totals and revocation.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { addProject, axe, clickTwice, expect, expectFitsWidth, open, rows, test, waitForHydration } from './fixtures';
import type { Server, User } from './server';

const row = (page: Page, user: string) => page.getByRole('row').filter({ hasText: user });

/** Issues `count` keys to as many new users. Key n has n requests today and a multiple of n on some earlier days. */
function issue(server: Server, project: string, owner: User, count: number): void {
  const day = Math.floor(Date.now() / 86_400_000);
  const id = (prefix: string, n: string) => `'${prefix}_' || substr('${project}', 5, 26) || printf('%06d', ${n})`;
  server.sql(`
    insert into key_templates (id, project_id, name, name_folded, unique_name, description, role_id, price, created_by, created_at)
      select ${id('tpl', '1')}, '${project}', 'Read access', 'read access', 'read access', '', role_id, 2500, id, 0 from users where email = '${owner.email}';
    create temp table number as with recursive number (n) as (select 1 union all select n + 1 from number where n < ${count}) select n from number;
    insert into users (id, organization_id, role_id, name, name_folded, email, email_folded, password_hash, created_at)
      select ${id('usr', 'n')}, organization_id, role_id, printf('Person %02d', n), printf('person %02d', n), printf('p%02d.${project}@example.com', n),
        printf('p%02d.${project}@example.com', n), '', 0 from number, users u where u.email = '${owner.email}';
    insert into access_requests (id, project_id, template_id, user_id, requested_at, state)
      select ${id('ask', 'n')}, '${project}', ${id('tpl', '1')}, ${id('usr', 'n')}, 0, 'approved' from number;
    insert into api_keys (id, organization_id, kind, name, name_folded, digest, mask, scopes, created_by, created_at, number)
      select ${id('key', 'n')}, u.organization_id, 'project', 'Read access', 'read access', randomblob(32), '…', '', ${id('usr', 'n')},
        ${Date.now()} - (${count} - n) * 3600000, n + (select coalesce(max(number), 0) from api_keys) from number, users u where u.email = '${owner.email}';
    insert into issued_keys (key_id, project_id, template_id, request_id, role_id, fields, approved_by)
      select ${id('key', 'n')}, '${project}', ${id('tpl', '1')}, ${id('ask', 'n')}, u.role_id, '[]', u.id from number, users u where u.email = '${owner.email}';
    insert into usage_by_day (organization_id, day, key_id, requests, cost)
      select u.organization_id, ${day} - d.n * 2, ${id('key', 'k.n')}, k.n * (1 + d.n % 5), k.n * (1 + d.n % 5) * 2500
      from number k, number d, users u where d.n < 12 and u.email = '${owner.email}';
    insert into usage_by_day (organization_id, day, key_id, requests, cost)
      select u.organization_id, ${day}, ${id('key', 'n')}, n, n * 2500 from number, users u where u.email = '${owner.email}';`);
}

test.describe('the issued keys', () => {
  test.use({ expectedErrors: [409, 422] });

  test('are counted for a period and paginated', async ({ page, context, server, owner }) => {
    const project = await addProject(context, server);
    issue(server, project, owner, 42);
    const path = `/projects/${project}/keys/issued`;
    await open(page, path);
    const pages = page.getByRole('navigation', { name: 'Pages' });
    await expect(pages).toContainText('1–10 of 42');
    await expect(rows(page)).toHaveCount(11);
    const sparkline = row(page, 'Person 42').getByRole('img', { name: /^At most \d+ per day$/ });
    await expect(sparkline).toBeVisible();
    await expect(sparkline.locator('path'), 'the highest of the bars').toHaveAttribute('d', /M\d+ 1000v-1000/);
    await axe(page, 'issued keys');
    await expectFitsWidth(page);

    await page.getByLabel('Period').selectOption('Last 7 days');
    await page.waitForURL(/period=7d/);
    // Requests of today and of two, four and six days ago: 1 + 2 + 3 + 4 times the number of the key.
    await expect(row(page, 'Person 42').getByRole('cell').nth(3)).toContainText('420');
    await expect(row(page, 'Person 42').getByRole('cell').nth(4)).toContainText('1.05');
    const total = page.getByRole('row', { name: /^Total of 42 keys/ });
    await expect(total).toContainText('9,030');
    await expect(total).toContainText('22.575');

    await pages.getByRole('button', { name: 'Next page' }).click();
    await expect(pages).toContainText('11–20 of 42');
    await expect(total).toContainText('9,030');
    await page.reload();
    await waitForHydration(page);
    await expect(pages).toContainText('11–20 of 42');
    // A second click does not wait for the response to the first.
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/fn/issued/list*', async (route) => {
      await released;
      await route.continue();
    });
    await pages.getByRole('button', { name: 'Next page' }).click();
    await pages.getByRole('button', { name: 'Next page' }).click();
    await page.waitForURL(/page=4/);
    release();
    await expect(pages).toContainText('31–40 of 42');
    await page.unrouteAll({ behavior: 'wait' });
    await page.goBack();
    await page.goBack();
    await expect(pages).toContainText('11–20 of 42');
    await pages.getByLabel('Page', { exact: true }).fill('5');
    await pages.getByLabel('Page', { exact: true }).press('Enter');
    await expect(pages).toContainText('41–42 of 42');
    await expect(pages.getByRole('button', { name: 'Next page' })).toBeDisabled();
    await page.goBack();
    await expect(pages).toContainText('11–20 of 42');
    await pages.getByLabel('Rows per page').selectOption('100');
    await expect(pages).toContainText('1–42 of 42');
    if (page.viewportSize()!.width > 900) {
      await page.getByRole('button', { name: 'Total', exact: true }).click();
      await expect(page.getByRole('columnheader', { name: 'Total' })).toHaveAttribute('aria-sort', 'descending');
      await page.waitForURL(/sort=total/);
      await expect(rows(page).first()).toContainText('Person 42');
      await page.getByRole('button', { name: 'Total', exact: true }).click();
      await expect(rows(page).first()).toContainText('Person 01');
      await page.getByRole('button', { name: 'User', exact: true }).click();
      await expect(page.getByRole('columnheader', { name: 'User' })).toHaveAttribute('aria-sort', 'ascending');
      await page.waitForURL(/sort=user/);
      await expect(rows(page).first()).toContainText('Person 01');
      await page.getByRole('button', { name: 'Total', exact: true }).click();
    } else {
      await page.getByLabel('Order').selectOption('Highest total');
    }
    await page.waitForURL(/sort=total/);
    await expect(rows(page).first()).toContainText('Person 42');

    // Rows are found by user and by key, and named by the key.
    await page.getByRole('searchbox', { name: 'Search' }).fill('person 4');
    await expect(pages).toContainText('1–3 of 3');
    await expect(page.getByRole('row', { name: 'Read access' })).toHaveCount(3);
    await expect(page.getByRole('row', { name: /^Total of 3 keys/ })).toBeVisible();
    await page.getByRole('searchbox', { name: 'Search' }).fill('upload');
    await expect(page.getByRole('heading', { name: 'No matching keys' })).toBeVisible();
    await axe(page, 'no matching issued keys');
    await page.getByRole('searchbox', { name: 'Search' }).fill('');
    await expect(pages).toContainText('1–42 of 42');

    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export' }).click();
    await page.getByRole('menuitem', { name: 'CSV' }).click();
    const lines = readFileSync((await (await download).path()) ?? '', 'utf8').trim().split('\r\n');
    expect(lines).toHaveLength(43);
    expect(lines[1]).toMatch(/,Read access,Person 42,.*,active,420,1\.05,USD$/);
  });

  test('can be limited to a range of dates, which is validated', async ({ page, context, server, owner }) => {
    const project = await addProject(context, server);
    issue(server, project, owner, 3);
    const path = `/projects/${project}/keys/issued`;
    await open(page, path);
    await page.getByLabel('Period').selectOption('From – to');
    await expect(page.getByLabel('From', { exact: true })).not.toHaveValue('');
    // A typed date is applied once, on Enter, and adds no history entry.
    let calls = 0;
    page.on('request', (request) => {
      calls += request.url().includes('/fn/issued/list') ? 1 : 0;
    });
    await page.waitForURL(/from=/);
    await expect(page.locator('.issued')).toHaveAttribute('aria-busy', 'false');
    const [callsBefore, historyLength] = [calls, await page.evaluate(() => history.length)];
    await page.getByLabel('From', { exact: true }).focus();
    await page.keyboard.type('01152026');
    await page.keyboard.press('Enter');
    await page.waitForURL(/from=2026-01-15/);
    await expect(page.locator('.issued')).toHaveAttribute('aria-busy', 'false');
    expect([calls - callsBefore, await page.evaluate(() => history.length)]).toEqual([1, historyLength]);
    const today = new Date().toISOString().slice(0, 10);
    await page.getByLabel('From', { exact: true }).fill(today);
    await page.getByLabel('From', { exact: true }).blur();
    await expect(page.getByRole('row', { name: /^Total of 3 keys/ })).toContainText('0.015');
    await page.getByLabel('To', { exact: true }).fill('2026-01-01');
    await page.getByLabel('To', { exact: true }).blur();
    await expect(page.getByRole('alert')).toContainText('The start date must not be after the end date.');
    await expect(page.getByLabel('From', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByRole('row', { name: /^Total/ }), 'no totals of another period').toHaveCount(0);
    // The URL keeps the invalid period, so a reload shows the error again.
    await page.reload();
    await waitForHydration(page);
    await expect(page.getByRole('alert')).toContainText('The start date must not be after the end date.');
    await axe(page, 'an invalid period');
    await page.getByLabel('To', { exact: true }).fill(today);
    await page.getByLabel('To', { exact: true }).blur();
    await expect(page.getByRole('row', { name: /^Total of 3 keys/ })).toContainText('0.015');
    await expect(page.getByRole('alert')).toHaveCount(0);
  });

  test('are not enabled again by a double click on Disable', { tag: '@once' }, async ({ page, context, server, owner }) => {
    const project = await addProject(context, server);
    issue(server, project, owner, 1);
    await open(page, `/projects/${project}/keys/issued`);
    const first = row(page, 'Person 01');
    const place = (await first.getByRole('button', { name: 'Disable' }).boundingBox())!;
    await clickTwice(page, first.getByRole('button', { name: 'Disable' }));
    await expect(first).toContainText('Disabled');
    const other = (await first.getByRole('button', { name: 'Enable' }).boundingBox())!;
    expect(Math.abs(other.x - place.x), 'another place').toBeGreaterThanOrEqual(place.width);
    await first.getByRole('button', { name: 'Enable' }).click();
    await expect(first).toContainText('Active');
  });

  test('are disabled, enabled and revoked', async ({ page, context, server, owner }) => {
    const project = await addProject(context, server);
    await open(page, `/projects/${project}/keys/issued`);
    await expect(page.getByText('No keys in this period')).toBeVisible();
    await axe(page, 'no issued keys');
    await expectFitsWidth(page);
    issue(server, project, owner, 2);
    await page.getByRole('button', { name: 'Refresh' }).click();
    const first = row(page, 'Person 01');
    // With the keyboard only.
    await first.getByRole('button', { name: 'Disable' }).press('Enter');
    await expect(first.getByText('Disabled')).toBeFocused();
    await first.getByRole('button', { name: 'Enable' }).press('Enter');
    await expect(first).toContainText('Active');
    await first.getByRole('button', { name: /^Delete/ }).press('Enter');
    const dialog = page.getByRole('alertdialog');
    await axe(page, 'the confirmation of a revocation');
    await page.keyboard.press('Escape');
    await expect(dialog).toHaveCount(0);
    await expect(first.getByRole('button', { name: /^Delete/ })).toBeFocused();
    await first.getByRole('button', { name: /^Delete/ }).press('Enter');
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await expect(first).toContainText('Revoked');
    await expect(first.getByRole('button')).toHaveCount(0);
    await expect(first.getByText('Revoked')).toBeFocused();
    const second = row(page, 'Person 02');
    await expect(second).toContainText('Active');

    // A key of a disabled holder cannot be enabled here, and its row says why.
    server.sql(`update users set disabled_at = 1 where email = 'p02.${project}@example.com'`);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await expect(second).toContainText('Disabled');
    await expect(second).toContainText('The holder is disabled.');
    await expect(second.getByRole('button')).toHaveCount(1);
    await axe(page, 'a key whose holder is disabled');
    await expectFitsWidth(page);
    server.sql(`update users set disabled_at = null where email = 'p02.${project}@example.com'`);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await expect(second).toContainText('Active');

    // An error message stays until it is dismissed, while a success message that appears after it disappears by itself.
    const setRevoked = (at: number | null) =>
      server.sql(`update api_keys set revoked_at = ${at} where created_by = (select id from users where email = 'p02.${project}@example.com')`);
    setRevoked(Date.now());
    await second.getByRole('button', { name: 'Disable' }).click();
    const errorToast = page.locator('.toast-error');
    await expect(errorToast).toContainText('This key has expired or was revoked');
    await expect(second).toContainText('Revoked');
    setRevoked(null);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await expect(second).toContainText('Active');
    await second.getByRole('button', { name: 'Disable' }).click();
    // The row changes after its success message is shown.
    await expect(second).toContainText('Disabled');
    await expect(page.locator('.toast:not(.toast-error)')).toHaveCount(0, { timeout: 20_000 });
    await expect(errorToast).toBeVisible();
    await errorToast.getByRole('button', { name: 'Dismiss' }).click();
    await expect(errorToast).toHaveCount(0);
  });
});
