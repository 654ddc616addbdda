// After its pop-up is closed, a secret is not in the page, the storage of the browser, the data directory or the log of the server.

import { copyAndClose, createKey, expect, open, row, test, waitForHydration } from './fixtures';

// The most detailed log level.
test.use({ environment: { LATCHKEY_LOG: 'trace' } });

/** Encodings in which a secret may occur: whole, without its prefix, and without prefix and checksum. */
function encodings(secret: string): string[] {
  const plain = [secret, secret.slice(4), secret.slice(4, -6)];
  const bytes = plain.map((text) => Buffer.from(text));
  const base64 = bytes.flatMap((text) =>
    // Base64 depends on the position within three bytes, and its edges depend on the adjacent bytes.
    [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), text]).toString('base64').slice(4, -4)),
  );
  const hex = bytes.map((text) => text.toString('hex'));
  return [...plain, ...plain.map(encodeURIComponent), ...base64, ...hex, ...hex.map((text) => text.toUpperCase())];
}

test('a secret is found nowhere after its pop-up is closed', { tag: '@once' }, async ({ page, context, server, internalKey }) => {
  const urls: string[] = [];
  page.on('request', (request) => urls.push(request.url()));
  await open(page, '/keys/agent');
  const secret = await createKey(page, 'nightly-build');
  await copyAndClose(page);

  const expectNotFound = async (when: string) => {
    const browserState = await page.evaluate(async () => ({
      document: document.documentElement.outerHTML,
      fields: [...document.querySelectorAll('input')].map((input) => input.value),
      local: JSON.stringify(localStorage),
      session: JSON.stringify(sessionStorage),
      cookies: document.cookie,
      history: JSON.stringify(history.state),
      databases: await indexedDB.databases(),
      caches: await caches.keys(),
      globals: Object.values(window).filter((value) => typeof value === 'string'),
    }));
    const sources = {
      ...Object.fromEntries(Object.entries(browserState).map(([location, text]) => [location, Buffer.from(JSON.stringify(text))])),
      cookies: Buffer.from(JSON.stringify(await context.cookies())),
      urls: Buffer.from(urls.join('\n')),
      log: Buffer.from(server.log),
      ...Object.fromEntries(server.files()),
    };
    for (const [location, text] of Object.entries(sources)) {
      for (const encoding of encodings(secret)) {
        expect(text.includes(encoding), `the secret in ${location} as ${encoding}, ${when}`).toBe(false);
      }
    }
    expect(browserState.databases).toEqual([]);
    expect(browserState.caches).toEqual([]);
  };

  await expectNotFound('after it was copied');
  expect(await server.verify(internalKey, secret)).toMatchObject({ code: 'VALID' });
  expect(await server.verify(internalKey, `${secret.slice(0, -1)}_`)).toMatchObject({ code: 'NOT_FOUND' });
  await page.reload();
  await waitForHydration(page);
  await expect(row(page, 'nightly-build')).toBeVisible();
  await expectNotFound('after it was used');
  expect([...server.files().keys()]).toContain('latchkey.db-wal');

  // An agent key that is sent by mistake instead of an internal key reaches the server too.
  await expect(server.verify(secret, 'x')).rejects.toThrow('wrong_kind');
  await expectNotFound('after it was sent as an internal key');
});
