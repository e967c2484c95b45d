/** HTTPS in front of a node, as a reverse proxy gives it, with an authority that only the test trusts. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCA, createCert } from 'mkcert';

/**
 * @param {string} url  of a node
 * @returns {Promise<{url: string, authority: string, close: () => void}>}  `authority` is a file with its certificate
 */
export async function behindTls(url) {
  const ca = await createCA({
    organization: 'Tests',
    countryCode: 'XX',
    state: 'None',
    locality: 'None',
    validity: 2,
  });
  const { key, cert } = await createCert({ ca, domains: ['localhost'], validity: 1 });
  const authority = join(mkdtempSync(join(tmpdir(), 'trellis-tls-')), 'authority.pem');
  writeFileSync(authority, ca.cert);
  const server = createServer({ key, cert }, (incoming, outgoing) => {
    const { method, headers } = incoming;
    const onward = request(url, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { url: `https://localhost:${server.address().port}`, authority, close: () => server.close() };
}
