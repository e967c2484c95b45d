/** Free TCP ports on the loopback interface. */
import net from 'node:net';

/** Ports to choose from. They lie below those the system gives to outgoing connections, of which the tests open many. */
const [FIRST, COUNT] = [12_000, 18_000];
/** Test files run at the same time, each in a process of its own: each starts somewhere else. */
let next = (process.pid * 37) % COUNT;

/** Whether nobody listens on `port` now. @param {number} port @returns {Promise<boolean>} */
function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A port nobody listened on a moment ago, never the same twice. @returns {Promise<number>} */
export async function freePort() {
  for (let tries = 0; tries < 500; tries++) {
    const port = FIRST + (next++ % COUNT);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${FIRST} to ${FIRST + COUNT - 1}`);
}
