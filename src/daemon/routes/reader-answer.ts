import type { FastifyReply } from 'fastify';
import type { Question } from '../../lib/store/queries/index.ts';
import type { Services } from '../services.ts';

/**
 * Answers with what the reader makes of a question. When the client goes away before that, the work ends and nothing
 * is sent.
 */
export async function answerFromReader(
  reader: Services['reader'],
  reply: FastifyReply,
  question: Question,
): Promise<FastifyReply> {
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  reply.raw.once('close', onClose);
  try {
    const chunks = await reader.ask(question, gone.signal);
    return await reply
      .header('cache-control', 'no-store')
      .type('application/json; charset=utf-8')
      .send(Buffer.concat(chunks));
  } catch (error) {
    if (gone.signal.aborted) return reply.hijack();
    throw error;
  } finally {
    reply.raw.off('close', onClose);
  }
}
