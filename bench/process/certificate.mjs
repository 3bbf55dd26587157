// A certificate for the servers that are measured over TLS, made by openssl on first use.
import { join } from 'node:path';
import { cachedBuild } from './cached-build.mjs';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const SUBJECT = ['-subj', '/CN=localhost', '-days', '3650'];

/** @returns {{ certFile: string, keyFile: string } | { problem: string }} */
export function prepareCertificate() {
  const made = cachedBuild('certificate', [...KEY, ...SUBJECT], (folder) => {
    const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
    return [{ command: 'openssl', args: ['req', '-x509', ...KEY, ...SUBJECT, ...files] }];
  });
  if ('problem' in made) return made;
  return { certFile: join(made.folder, 'cert.pem'), keyFile: join(made.folder, 'key.pem') };
}
