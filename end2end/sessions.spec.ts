// Signing in and out, permissions, and requests from other sites.

import { authenticate, axe, clearSession, expect, open, row, signIn, test, waitForHydration, waitForPage } from './fixtures';

test.describe('sessions', { tag: '@once' }, () => {
  test.use({ expectedErrors: [401] });

  test('“Sign out everywhere” ends every other session too', async ({ page, otherPage, server, owner, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await authenticate(otherPage.context(), server, owner);
    await open(otherPage, '/keys/agent');
    await expect(row(otherPage, 'nightly-build')).toBeVisible();

    await open(page, '/profile');
    await expect(page.getByText('2 active sessions')).toBeVisible();
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await axe(page, 'the confirmation before signing out everywhere');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click();
    await waitForPage(page, '/sign-in');

    await otherPage.getByRole('searchbox').fill('nightly');
    await expect(otherPage.getByRole('button', { name: 'Sign in' })).toBeVisible();
    expect(new URL(otherPage.url()).pathname).toBe('/sign-in');
    await waitForHydration(otherPage);
    await signIn(otherPage, owner);
    await expect(row(otherPage, 'nightly-build')).toBeVisible();
  });

  test('the newest sessions are shown first, and all others end together', async ({ page, otherPage, server, owner }) => {
    await authenticate(otherPage.context(), server, owner);
    const now = Date.now();
    server.sql(`
      with recursive number (n) as (select 1 union all select n + 1 from number where n < 12)
      insert into sessions (id, digest, user_id, created_at, last_seen_at, address, user_agent)
      select 'ses_0193456789ab7cdef0123456789ab' || substr(cast(1000 + n as text), 2), ${server.randomBytes}, u.id, ${now}, ${now} - n * 60000, '10.0.0.' || n, ''
      from number, users u where u.email = '${owner.email}'`);
    await open(page, '/profile');
    const sessions = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem');
    await expect(page.getByText('14 active sessions')).toBeVisible();
    await expect(sessions).toHaveCount(10);
    await page.getByRole('button', { name: 'Show all 14' }).click();
    await expect(sessions).toHaveCount(14);
    await page.getByRole('button', { name: 'Sign out all others' }).click();
    await expect(page.getByText('Other sessions ended')).toBeVisible();
    await expect(sessions).toHaveCount(1);
    await expect(sessions).toContainText('This device');
    await expect(page.getByRole('button', { name: 'Sign out all others' })).toHaveCount(0);
    await otherPage.goto('/profile');
    await expect(otherPage.getByRole('button', { name: 'Sign in' })).toBeVisible();
  });

  test('after signing out, going back does not show the list', async ({ page, server, internalKey, owner }) => {
    await server.addKey(internalKey, 'nightly-build');
    await open(page, '/keys/agent');
    await expect(row(page, 'nightly-build')).toBeVisible();
    await page.getByRole('button', { name: owner.name }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await waitForPage(page, '/sign-in');
    await page.goBack();
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
    await expect(page.getByText('nightly-build')).toHaveCount(0);
  });

  test('a viewer sees the list without buttons to change it', async ({ page, context, server }) => {
    const owner = server.addUser();
    await server.addKey(server.createInternalKey(owner), 'nightly-build');
    await authenticate(context, server, server.addUser('viewer', owner.organization));
    await open(page, '/keys/agent');
    await expect(row(page, 'nightly-build')).toBeVisible();
    await expect(page.getByRole('button', { name: /^(Create API Key|Create your first key|Edit|Delete)$/ })).toHaveCount(0);
    await page.getByRole('button', { name: owner.name }).click();
    await expect(page.getByRole('menuitem')).toHaveText(['Profile', 'API reference', 'Docs', /^Keyboard shortcuts/, 'Sign out']);
  });

  test('signing in leads to the requested page', async ({ page, server }) => {
    const owner = server.addUser();
    await server.addKey(server.createInternalKey(owner), 'xylophone');
    await server.addKey(server.createInternalKey(owner), 'piano');
    await open(page, '/keys/agent?q=xylo');
    expect(new URL(page.url()).pathname).toBe('/sign-in');
    await signIn(page, owner);
    await waitForPage(page, '/keys/agent?q=xylo');
    await expect(page.getByRole('searchbox')).toHaveValue('xylo');
    await expect(row(page, 'xylophone')).toBeVisible();
    await expect(row(page, 'piano')).toHaveCount(0);
  });

  test('the sign-in page does not redirect to other sites', async ({ page, server }) => {
    for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example', '/\t/evil.example']) {
      await clearSession(page);
      await open(page, `/sign-in?next=${encodeURIComponent(next)}`);
      await signIn(page, server.addUser());
      await waitForPage(page, '/overview');
    }
  });

  test('requests from other sites are rejected', async ({ context, server, owner }) => {
    const cookie = (await context.cookies()).find(({ name }) => name === 'latchkey')!;
    for (const origin of ['https://evil.example', `${server.url}.evil.example`, 'null', undefined]) {
      const response = await fetch(`${server.url}/fn/keys/create`, {
        method: 'POST',
        headers: { cookie: `${cookie.name}=${cookie.value}`, 'content-type': 'application/json', ...(origin && { origin }) },
        body: JSON.stringify({ request: { kind: 'agent', name: `by ${owner.email}` } }),
      });
      expect(response.status, `from ${origin}`).toBe(403);
    }
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' });
  });
});
