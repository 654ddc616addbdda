// ISSUED KEYS: periods, pages, what they come to, and taking keys back.

import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from '@playwright/test';
import { axe, expect, fitsWidth, live, open, rows, test } from './fixtures';
import type { Person, Server } from './server';

const row = (page: Page, user: string) => page.getByRole('row').filter({ hasText: user });

/** Makes a project through the page's own call. Answers its id. */
async function makeProject(context: BrowserContext, server: Server, name: string): Promise<string> {
  const answer = await context.request.post(`${server.url}/fn/projects/create`, {
    data: { wanted: { name, description: '', visibility: 'organization' } },
    headers: { origin: server.url },
  });
  expect(answer.status()).toBe(200);
  return (await answer.json()).id;
}

/** Issues so many keys to people with names of their own; the nth made n requests today and on each of some days before. */
function issue(server: Server, project: string, owner: Person, count: number): void {
  const day = Math.floor(Date.now() / 86_400_000);
  const id = (prefix: string, n: string) => `'${prefix}_' || substr('${project}', 5, 26) || printf('%06d', ${n})`;
  server.sql(`
    insert into templates (id, project_id, name, name_folded, unique_name, description, role_id, price, created_by, created_at)
      select ${id('tpl', '1')}, '${project}', 'Read access', 'read access', 'read access', '', role_id, 2500, id, 0 from users where email = '${owner.email}';
    create temp table number as with recursive number (n) as (select 1 union all select n + 1 from number where n < ${count}) select n from number;
    insert into users (id, organization_id, role_id, name, name_folded, email, email_folded, password_hash, created_at)
      select ${id('usr', 'n')}, organization_id, role_id, printf('Person %02d', n), printf('person %02d', n), printf('p%02d.${project}@example.com', n),
        printf('p%02d.${project}@example.com', n), '', 0 from number, users u where u.email = '${owner.email}';
    insert into key_requests (id, project_id, template_id, user_id, requested_at, state)
      select ${id('ask', 'n')}, '${project}', ${id('tpl', '1')}, ${id('usr', 'n')}, 0, 'approved' from number;
    insert into api_keys (id, organization_id, kind, name, name_folded, digest, mask, scopes, created_by, created_at, number)
      select ${id('key', 'n')}, u.organization_id, 'project', 'Read access', 'read access', randomblob(32), '…', '', ${id('usr', 'n')},
        ${Date.now()} - (${count} - n) * 3600000, n + (select coalesce(max(number), 0) from api_keys) from number, users u where u.email = '${owner.email}';
    insert into issued_keys (key_id, project_id, template_id, request_id, role_id, fields, approved_by)
      select ${id('key', 'n')}, '${project}', ${id('tpl', '1')}, ${id('ask', 'n')}, u.role_id, '[]', u.id from number, users u where u.email = '${owner.email}';
    insert into key_days (organization_id, day, key_id, requests, cost)
      select u.organization_id, ${day} - d.n * 2, ${id('key', 'k.n')}, k.n * (1 + d.n % 5), k.n * (1 + d.n % 5) * 2500
      from number k, number d, users u where d.n < 12 and u.email = '${owner.email}';
    insert into key_days (organization_id, day, key_id, requests, cost)
      select u.organization_id, ${day}, ${id('key', 'n')}, n, n * 2500 from number, users u where u.email = '${owner.email}';`);
}

test.describe('the issued keys', () => {
  test.use({ refusals: [409, 422] });

  test('are counted for a period, page by page', async ({ page, context, server, owner }) => {
    const project = await makeProject(context, server, 'Genomics');
    issue(server, project, owner, 42);
    const path = `/projects/${project}/keys/issued`;
    await open(page, path);
    const pages = page.getByRole('navigation', { name: 'Pages' });
    await expect(pages).toContainText('1–10 of 42');
    await expect(rows(page)).toHaveCount(11);
    await expect(row(page, 'Person 42').getByRole('img', { name: /^At most \d+ per day$/ })).toBeVisible();
    await axe(page, 'issued keys');
    await fitsWidth(page);

    await page.getByLabel('Period').selectOption('Last 7 days');
    await page.waitForURL(/period=7d/);
    // Today's, and those two, four and six days ago: 1 + 2 + 3 + 4 times the number of the key.
    await expect(row(page, 'Person 42').getByRole('cell').nth(3)).toContainText('420');
    await expect(row(page, 'Person 42').getByRole('cell').nth(4)).toContainText('1.05');
    const total = page.getByRole('row', { name: /^Total of 42 keys/ });
    await expect(total).toContainText('9,030');
    await expect(total).toContainText('22.575');

    await pages.getByRole('button', { name: 'Next page' }).click();
    await expect(pages).toContainText('11–20 of 42');
    await expect(total).toContainText('9,030');
    await page.reload();
    await live(page);
    await expect(pages).toContainText('11–20 of 42');
    // A second click does not wait for the first one's answer.
    let letGo = () => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    await page.route('**/fn/issued/list*', async (route) => {
      await held;
      await route.continue();
    });
    await pages.getByRole('button', { name: 'Next page' }).click();
    await pages.getByRole('button', { name: 'Next page' }).click();
    await page.waitForURL(/page=4/);
    letGo();
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
    await page.getByLabel('Order').selectOption('Highest total');
    await expect(rows(page).first()).toContainText('Person 42');

    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'CSV' }).click();
    const lines = readFileSync((await (await download).path()) ?? '', 'utf8').trim().split('\r\n');
    expect(lines).toHaveLength(43);
    expect(lines[1]).toMatch(/,Read access,Person 42,.*,active,420,1\.05,USD$/);
  });

  test('take a period from one day to another, and say what is wrong with it', async ({ page, context, server, owner }) => {
    const project = await makeProject(context, server, 'Genomics');
    issue(server, project, owner, 3);
    const path = `/projects/${project}/keys/issued`;
    await open(page, path);
    await page.getByLabel('Period').selectOption('From – to');
    await expect(page.getByLabel('From', { exact: true })).not.toHaveValue('');
    // A year that is typed counts once it is meant, and is no step to go back to.
    let calls = 0;
    page.on('request', (request) => {
      calls += request.url().includes('/fn/issued/list') ? 1 : 0;
    });
    await page.waitForURL(/from=/);
    await expect(page.locator('.issued')).toHaveAttribute('aria-busy', 'false');
    const [callsBefore, steps] = [calls, await page.evaluate(() => history.length)];
    await page.getByLabel('From', { exact: true }).focus();
    await page.keyboard.type('11012026');
    await page.keyboard.press('Enter');
    await page.waitForURL(/from=2026-11-01/);
    await expect(page.locator('.issued')).toHaveAttribute('aria-busy', 'false');
    expect([calls - callsBefore, await page.evaluate(() => history.length)]).toEqual([1, steps]);
    const today = new Date().toISOString().slice(0, 10);
    await page.getByLabel('From', { exact: true }).fill(today);
    await page.getByLabel('From', { exact: true }).blur();
    await expect(page.getByRole('row', { name: /^Total of 3 keys/ })).toContainText('0.015');
    await page.getByLabel('To', { exact: true }).fill('2026-01-01');
    await page.getByLabel('To', { exact: true }).blur();
    await expect(page.getByRole('alert')).toContainText('The start date must not be after the end date.');
    await expect(page.getByLabel('From', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    // What stands in the address is said anew, and nothing is lost.
    await page.reload();
    await live(page);
    await expect(page.getByRole('alert')).toContainText('The start date must not be after the end date.');
    await axe(page, 'a period that is none');
    await page.getByLabel('To', { exact: true }).fill(today);
    await page.getByLabel('To', { exact: true }).blur();
    await expect(page.getByRole('row', { name: /^Total of 3 keys/ })).toContainText('0.015');
    await expect(page.getByRole('alert')).toHaveCount(0);
  });

  test('are put to rest and taken back', async ({ page, context, server, owner }) => {
    const project = await makeProject(context, server, 'Genomics');
    await open(page, `/projects/${project}/keys/issued`);
    await expect(page.getByText('No keys in this period')).toBeVisible();
    await axe(page, 'no issued keys');
    await fitsWidth(page);
    issue(server, project, owner, 2);
    await page.getByRole('button', { name: 'Refresh' }).click();
    const first = row(page, 'Person 01');
    // By the keyboard alone.
    await first.getByRole('button', { name: 'Disable' }).press('Enter');
    await expect(first).toContainText('Disabled');
    await first.getByRole('button', { name: 'Enable' }).press('Enter');
    await expect(first).toContainText('Active');
    await first.getByRole('button', { name: /^Delete/ }).press('Enter');
    const dialog = page.getByRole('alertdialog');
    await axe(page, 'a key that is to be revoked');
    await page.keyboard.press('Escape');
    await expect(dialog).toHaveCount(0);
    await expect(first.getByRole('button', { name: /^Delete/ })).toBeFocused();
    await first.getByRole('button', { name: /^Delete/ }).press('Enter');
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await expect(first).toContainText('Revoked');
    await expect(first.getByRole('button')).toHaveCount(0);
    const second = row(page, 'Person 02');
    await expect(second).toContainText('Active');
    await expect(second.getByRole('button').first()).toBeFocused();

    // What rests because of its holder can't be woken here, and says so.
    server.sql(`update users set disabled_at = 1 where email = 'p02.${project}@example.com'`);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await expect(second).toContainText('Disabled');
    await expect(second).toContainText('The holder is disabled.');
    await expect(second.getByRole('button')).toHaveCount(1);
    await axe(page, 'a key whose holder is disabled');
    await fitsWidth(page);
    server.sql(`update users set disabled_at = null where email = 'p02.${project}@example.com'`);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await expect(second).toContainText('Active');

    // What goes wrong is said until it is dismissed.
    server.sql(`update api_keys set revoked_at = ${Date.now()} where created_by = (select id from users where email = 'p02.${project}@example.com')`);
    await second.getByRole('button', { name: 'Disable' }).click();
    const toast = page.locator('.toast-trouble');
    await expect(toast).toContainText('This key has expired or was revoked');
    await expect(second).toContainText('Revoked');
    await page.waitForTimeout(6500);
    await toast.getByRole('button', { name: 'Dismiss' }).click();
    await expect(toast).toHaveCount(0);
  });
});
