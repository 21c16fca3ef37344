/** Electron's `safeStorage` on Linux, as far as it can be had without Electron. Its format is Chromium's. */
import { Buffer } from 'node:buffer';
import type { ElectronSafeStorage } from 'tokenkeep/electron';
import { decrypt, encrypt, type Kind, knownPassword } from './chromium-format.ts';

export class SafeStorageDouble {
  /** `false`: the application is not ready yet. */
  isReady = true;
  /** `false`: the keyring is locked. */
  isOpen = true;
  /** `false`: there is no password manager, so it falls back to the password that everybody knows. */
  hasManager = true;
  /** The password in the password manager. */
  password = 'password in the keyring';
  /** A key that was replaced: texts that were encrypted with it must be encrypted again. */
  replaced: string | undefined = undefined;
  /** How often something was encrypted. */
  encryptions = 0;

  getSelectedStorageBackend(): string {
    if (!this.isReady) return 'unknown';
    return this.hasManager ? 'gnome_libsecret' : 'basic_text';
  }

  async isAsyncEncryptionAvailable(): Promise<boolean> {
    return this.isReady && this.isOpen;
  }

  async encryptStringAsync(text: string): Promise<Buffer> {
    this.#mustWork();
    this.encryptions += 1;
    return encrypt(text, this.#kind, this.hasManager ? this.password : knownPassword);
  }

  async decryptStringAsync(bytes: Uint8Array): Promise<{ result: string; shouldReEncrypt: boolean }> {
    this.#mustWork();
    const kind = Buffer.from(bytes.subarray(0, 3)).toString();
    if (kind === 'v10')
      return { result: decrypt(bytes, 'v10', knownPassword).toString(), shouldReEncrypt: false };
    if (!this.hasManager) throw new Error('Failed to decrypt');
    for (const password of [this.password, this.replaced]) {
      if (password === undefined) continue;
      try {
        const result = textOf(decrypt(bytes, 'v11', password));
        return { result, shouldReEncrypt: password !== this.password };
      } catch {
        // The next one.
      }
    }
    throw new Error('Error while decrypting the ciphertext provided to safeStorage.decryptStringAsync.');
  }

  /** The older half alone, as Electron had it before. */
  get olderHalf(): ElectronSafeStorage {
    return {
      isEncryptionAvailable: () => this.isReady && this.isOpen,
      encryptString: (text) => {
        this.#mustWork();
        return encrypt(text, this.#kind, this.hasManager ? this.password : knownPassword);
      },
      decryptString: (bytes) => {
        this.#mustWork();
        const kind = Buffer.from(bytes.subarray(0, 3)).toString() as Kind;
        return textOf(decrypt(bytes, kind, kind === 'v10' ? knownPassword : this.password));
      },
      getSelectedStorageBackend: () => this.getSelectedStorageBackend(),
    };
  }

  get #kind(): Kind {
    return this.hasManager ? 'v11' : 'v10';
  }

  #mustWork(): void {
    if (!this.isReady) throw new Error('safeStorage cannot be used before app is ready');
    if (!this.isOpen) throw new Error('safeStorage is temporarily unavailable. Please try again.');
  }
}

/** A wrong password gives random bytes, which are seldom padded right and never UTF-8 of this length. */
function textOf(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
