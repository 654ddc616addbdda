// Once its pop-up is closed, a secret is nowhere: not in the page, not in the browser's stores, not on the server's disk or in its log.

import { copyAndClose, createKey, expect, live, open, row, test } from './fixtures';

// The server says all that it can say.
test.use({ environment: { LATCHKEY_LOG: 'trace' } });

/** The ways in which a secret may be written; each without what comes before the random part too. */
function spellings(secret: string): string[] {
  const plain = [secret, secret.slice(4), secret.slice(4, -6)];
  const bytes = plain.map((text) => Buffer.from(text));
  const base64 = bytes.flatMap((text) =>
    // A text that begins elsewhere in a triple of bytes looks different; its edges depend on its neighbours.
    [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), text]).toString('base64').slice(4, -4)),
  );
  const hex = bytes.map((text) => text.toString('hex'));
  return [...plain, ...plain.map(encodeURIComponent), ...base64, ...hex, ...hex.map((text) => text.toUpperCase())];
}

test('a secret is nowhere once its pop-up is closed', { tag: '@once' }, async ({ page, context, server, platformKey }) => {
  const addresses: string[] = [];
  page.on('request', (request) => addresses.push(request.url()));
  await open(page, '/keys/agent');
  const secret = await createKey(page, 'nightly-build');
  await copyAndClose(page);

  const expectNowhere = async (when: string) => {
    const kept = await page.evaluate(async () => ({
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
    const found = {
      ...Object.fromEntries(Object.entries(kept).map(([place, text]) => [place, Buffer.from(JSON.stringify(text))])),
      cookies: Buffer.from(JSON.stringify(await context.cookies())),
      addresses: Buffer.from(addresses.join('\n')),
      log: Buffer.from(server.log),
      ...Object.fromEntries(server.files()),
    };
    for (const [place, text] of Object.entries(found)) {
      for (const spelling of spellings(secret)) {
        expect(text.includes(spelling), `the secret in ${place} as ${spelling}, ${when}`).toBe(false);
      }
    }
    expect(kept.databases).toEqual([]);
    expect(kept.caches).toEqual([]);
  };

  await expectNowhere('after it was copied');
  expect(await server.verify(platformKey, secret)).toMatchObject({ code: 'VALID' });
  expect(await server.verify(platformKey, `${secret.slice(0, -1)}_`)).toMatchObject({ code: 'NOT_FOUND' });
  await page.reload();
  await live(page);
  await expect(row(page, 'nightly-build')).toBeVisible();
  await expectNowhere('after it was used');
  expect([...server.files().keys()]).toContain('latchkey.db-wal');

  // Who gets the platform key wrong by pasting an agent's key tells it to the server all the same.
  await expect(server.verify(secret, 'x')).rejects.toThrow('wrong_kind');
  await expectNowhere('after it was presented at the wrong place');
});
