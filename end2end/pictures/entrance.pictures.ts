// Pages for visitors without a session, and pages that cannot be shown.

import { authenticate, open, signIn } from '../fixtures';
import { call } from './organizations';
import { expect, pictures, test } from './pictures';

pictures('set-up', () => {
  test('form', async ({ page, emptyServer, take }) => {
    await open(page, emptyServer.setupLink);
    await take('form');
    await page.getByRole('button', { name: 'Create account' }).click();
    await take('invalid');
  });

  test('no link', async ({ page, emptyServer, take }) => {
    await open(page, `${emptyServer.url}/setup`);
    await take('no link');
  });
});

pictures('sign-in', () => {
  test('form', async ({ page, take }) => {
    await open(page, '/sign-in');
    await take('form');
  });

  test('rejected', async ({ page, take }) => {
    await open(page, '/sign-in');
    await signIn(page, { email: 'ada@example.com', password: 'not the password' });
    await expect(page.getByRole('alert')).toBeVisible();
    await take('rejected');
  });
});

pictures('join', () => {
  test('form', async ({ page, organizations, take }) => {
    const { session } = await organizations.get('scratch');
    const roles = await call(session, 'roles/list');
    const role = roles.find(({ name }: { name: string }) => name === 'member').id;
    const { link } = await call(session, 'invitations/create', { email: 'katherine.j@example.com', role });
    await open(page, link);
    await expect(page.getByLabel('Name', { exact: true })).toBeVisible();
    await take('form');
    await page.getByRole('button', { name: 'Join' }).click();
    await take('invalid');
  });

  test('rejected', async ({ page, take }) => {
    await open(page, '/join#nonsense');
    await expect(page.getByRole('alert')).toBeVisible();
    await take('rejected');
  });
});

pictures('errors', () => {
  test('not found', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/no/such/page');
    await take('not found');
    await open(page, '/projects/prj_none');
    await take('project not found');
  });

  test('forbidden', async ({ page, context, server, organizations, take }) => {
    const { owner } = await organizations.get('scratch');
    await authenticate(context, server, server.addUser('viewer', owner.organization, 'Noor Haddad'));
    await open(page, '/settings/members');
    await take('forbidden');
  });
});
