/** The text of worker.js, compressed by gzip, in base64. */
export const WORKER_GZIP_BASE64: string;
