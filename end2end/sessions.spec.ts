// Who may come in, how far, and that leaving is leaving.

import { admit, arrived, axe, expect, forgetSession, live, open, row, signIn, test } from './fixtures';

test.describe('sessions', { tag: '@once' }, () => {
  test.use({ refusals: [401] });

  test('“Sign out everywhere” ends every other session too', async ({ page, stranger, server, owner, platformKey }) => {
    await server.addKey(platformKey, 'nightly-build');
    await admit(stranger.context(), server, owner);
    await open(stranger, '/keys/agent');
    await expect(row(stranger, 'nightly-build')).toBeVisible();

    await open(page, '/profile');
    await expect(page.getByText('2 active sessions')).toBeVisible();
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await axe(page, 'the question before signing out everywhere');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click();
    await arrived(page, '/sign-in');

    await stranger.getByRole('searchbox').fill('nightly');
    await expect(stranger.getByRole('button', { name: 'Sign in' })).toBeVisible();
    expect(new URL(stranger.url()).pathname).toBe('/sign-in');
    await live(stranger);
    await signIn(stranger, owner);
    await expect(row(stranger, 'nightly-build')).toBeVisible();
  });

  test('after signing out, the way back does not show the list', async ({ page, server, platformKey, owner }) => {
    await server.addKey(platformKey, 'nightly-build');
    await open(page, '/keys/agent');
    await expect(row(page, 'nightly-build')).toBeVisible();
    await page.getByRole('button', { name: owner.name }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await arrived(page, '/sign-in');
    await page.goBack();
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
    await expect(page.getByText('nightly-build')).toHaveCount(0);
  });

  test('a viewer sees the list, and nothing that changes it', async ({ page, context, server }) => {
    const owner = server.addPerson();
    await server.addKey(server.platformKey(owner), 'nightly-build');
    await admit(context, server, server.addPerson('viewer', owner.organization));
    await open(page, '/keys/agent');
    await expect(row(page, 'nightly-build')).toBeVisible();
    await expect(page.getByRole('button', { name: /^(Create API Key|Create your first key|Edit|Delete)$/ })).toHaveCount(0);
    await page.getByRole('button', { name: owner.name }).click();
    await expect(page.getByRole('menuitem')).toHaveText(['Profile', 'API reference', 'Sign out']);
  });

  test('who is not signed in is asked to, and then led to where they were going', async ({ page, server }) => {
    const owner = server.addPerson();
    await server.addKey(server.platformKey(owner), 'xylophone');
    await server.addKey(server.platformKey(owner), 'piano');
    await open(page, '/keys/agent?q=xylo');
    expect(new URL(page.url()).pathname).toBe('/sign-in');
    await signIn(page, owner);
    await arrived(page, '/keys/agent?q=xylo');
    await expect(page.getByRole('searchbox')).toHaveValue('xylo');
    await expect(row(page, 'xylophone')).toBeVisible();
    await expect(row(page, 'piano')).toHaveCount(0);
  });

  test('a link to the sign-in leads to no other site', async ({ page, server }) => {
    for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example', '/\t/evil.example']) {
      await forgetSession(page);
      await open(page, `/sign-in?next=${encodeURIComponent(next)}`);
      await signIn(page, server.addPerson());
      await arrived(page, '/keys/internal');
    }
  });

  test('another site can call nothing', async ({ context, server, owner }) => {
    const [cookie] = await context.cookies();
    for (const origin of ['https://evil.example', `${server.url}.evil.example`, 'null', undefined]) {
      const answer = await fetch(`${server.url}/fn/keys/create`, {
        method: 'POST',
        headers: { cookie: `${cookie.name}=${cookie.value}`, 'content-type': 'application/json', ...(origin && { origin }) },
        body: JSON.stringify({ wanted: { kind: 'agent', name: `by ${owner.email}` } }),
      });
      expect(answer.status, `from ${origin}`).toBe(403);
    }
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' });
  });
});
