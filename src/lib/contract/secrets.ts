/** Encrypts settings with the data key. `enc:v1:` texts are those of the older programs, bit for bit (CPA-Manager-Plus 1.12.2). */
export interface SecretBox {
  /** Trimmed text to `enc:v1:nonce:ciphertext`; `''` stays `''`. */
  seal(plain: string): string;
  /** Back again. A text without the prefix is returned as it is (written by an old CPA-Manager). Throws `data_key_foreign`. */
  open(stored: string): string;
  /** 32 bytes for one spool segment: HKDF(data key, salt, `cpamp-spool-v1`). */
  spoolKey(salt: Uint8Array): Buffer;
  /** 32 bytes for the originals of dead letters: HKDF(data key, salt, `cpamp-letter-v1`). */
  letterKey(salt: Uint8Array): Buffer;
}
