import type { Translation } from '../i18n.ts';

export default {
  close: '关闭',
  copy: '复制',
  copied: '已复制',
  copyFailed: '无法复制，请手动选择文本后复制。',
  showValue: '显示{what}',
  hideValue: '隐藏{what}',
  retry: '重试',
  details: '详情',
  loading: '加载中',
  dismiss: '知道了',
  updated: '{when}更新',
  asTable: '以表格显示',
  asChart: '以图表显示',
  httpStatus: 'HTTP 状态码',
  errorCode: '错误码',
  message: '消息',
} satisfies Translation<typeof import('../en/common.ts').default>;
