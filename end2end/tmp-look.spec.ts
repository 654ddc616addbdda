// ISSUED KEYS: periods, pages, what they come to, and taking keys back.

import { statSync } from 'node:fs';
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

/** Tells somebody, as another process would. */
function tell(server: Server, person: Person, project: string, event: string, by: string, word = ''): void {
  server.sql(`
    insert into notices (seq, user_id, event, project_id, project, template, person, word, created_at)
    select (select coalesce(max(seq), 0) + 1 from notices), id, '${event}', '${project}', 'Genomics', 'Read access', '${by}', '${word}', ${Date.now()}
    from users where email = '${person.email}'`);
}


test('look', async ({ page, context, server, owner }, info) => {
  const shot = async (name: string) => { await page.mouse.move(0, 0); await page.screenshot({ path: `/tmp/shots/${info.project.name.replace(' ', '-')}-${name}.png` }); };
  const project = await makeProject(context, server, 'Genomics');
  await open(page, `/projects/${project}/keys/issued`);
  await page.getByRole('button', { name: /Notices/ }).click();
  await shot('empty');
  await page.keyboard.press('Escape');
  issue(server, project, owner, 42);
  for (const event of ['requested', 'withdrawn', 'approved', 'rejected', 'closed', 'revoked', 'requested']) tell(server, owner, project, event, 'Mia Chen', event === 'rejected' ? 'Not this month, please ask Bo.' : '');
  await open(page, `/projects/${project}/keys/issued?page=5&rows=10&period=chosen&from=2026-11-01&to=2026-11-21`);
  await page.waitForTimeout(500);
  await page.screenshot({ fullPage: true, path: `/tmp/shots/${info.project.name.replace(' ', '-')}-full.png` });
  await open(page, `/projects/${project}/keys/issued`);
  await page.waitForTimeout(7500);
  await shot('full');
  await page.getByRole('button', { name: /Notices/ }).click();
  await shot('bell');
  await page.keyboard.press('Escape');
  await open(page, '/billing');
  await shot('billing');
});
