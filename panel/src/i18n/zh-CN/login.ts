import type { Translation } from '../i18n.ts';

export default {
  heading: '登录 cpamp',
  intro: '经过 CLIProxyAPI 的每个请求：谁在用、用了什么、花了多少、哪里失败。',
  adminKey: '管理员密钥',
  placeholder: 'cmp_admin_…',
  submit: '登录',
  busy: '正在验证…',
  empty: '请输入管理员密钥。',
  wait: '{seconds} 秒后可重试',
  where: '管理员密钥在哪里？',
  whereText: '它只在 cpamp 首次启动时输出一次，请在那次启动的日志中查找：',
  whereDocker: 'Docker Compose',
  whereSystemd: 'systemd',
  whereTerminal: '手动启动',
  whereTerminalText: '在首次运行 {command} 的终端中。',
  whereLost: '找不到了？在启动 cpamp 的地方设置 {variable} 后重新启动。',
  whichKey: '不是 CLIProxyAPI 的管理密钥，也不是客户端密钥。',
  again: '重新登录',
  againWhy: '会话已结束。当前页面会保持原样。',
  startingAgain: '服务正在启动，稍后会自动继续。',
} satisfies Translation<typeof import('../en/login.ts').default>;
