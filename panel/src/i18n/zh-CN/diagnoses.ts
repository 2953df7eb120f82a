import type { DiagnosisTexts } from '../../lib/describe-reason.ts';

type Facts = Parameters<DiagnosisTexts['banned']['message']>[0];

const gateway = ({ url }: Facts): string => (url ? `CLIProxyAPI（${url}）` : ' CLIProxyAPI ').trimStart();
const because = ({ detail }: Facts): string => (detail ? `（${detail}）` : '');
const version = ({ version: known }: Facts): string => (known ? `（${known}）` : '');
const span = (seconds: number): string => (seconds % 60 === 0 ? `${seconds / 60} 分钟` : `${seconds} 秒`);

export default {
  not_configured: {
    message: () => '尚未设置 CLIProxyAPI，因此没有采集任何记录。',
    fix: () => '打开 /management.html 完成设置，或设置 CPA_UPSTREAM_URL 和 CPA_MANAGEMENT_KEY。',
  },
  monitoring_off: {
    message: () => '请求监控已关闭，因此没有采集任何记录。',
    fix: () => '在“网关”页面打开请求监控。',
  },
  publishing_off: {
    message: () => 'CLIProxyAPI 没有发布用量记录：usage-statistics-enabled 为 false。',
    fix: () =>
      '在“网关”页面打开请求监控并重新保存连接，或在其 config.yaml 中设置 usage-statistics-enabled: true。',
  },
  key_refused: {
    message: (f) =>
      `${gateway(f)}拒绝了管理密钥${because(f)}。不会再次尝试，因为输错五次会使本机地址被封禁 30 分钟。`,
    fix: () =>
      '保存正确的管理密钥（CLIProxyAPI 的 remote-management.secret-key）。如果已在那边改正，可在“网关”页面重试，或调用 POST /usage-service/retry。',
  },
  key_missing: {
    message: (f) => `${gateway(f)}没有设置管理密钥，因此无人能登录${because(f)}。`,
    fix: () =>
      '在 CLIProxyAPI 的 config.yaml 中设置 remote-management.secret-key，或设置 MANAGEMENT_PASSWORD。',
  },
  remote_management_off: {
    message: (f) => `${gateway(f)}只允许从其本机进行管理。`,
    fix: () =>
      '在 CLIProxyAPI 的 config.yaml 中设置 remote-management.allow-remote: true。容器也算另一台机器。',
  },
  management_disabled: {
    message: (f) => `${gateway(f)}的管理接口不存在（404）。`,
    fix: () =>
      '确认地址中的主机和端口就是 CLIProxyAPI 本身（默认端口为 8317）。如果是，请在其 config.yaml 中设置 remote-management.secret-key。',
  },
  banned: {
    message: (f) => `由于多次输错密钥，${gateway(f)}已封禁本机地址${because(f)}。`,
    fix: () => '保存正确的密钥。封禁会在 30 分钟后或 CLIProxyAPI 重启后解除。',
  },
  too_old_for_subscribe: {
    message: (f) => `此 CLIProxyAPI${version(f)}不支持 SUBSCRIBE，该功能自 v7.0.7 起提供。`,
    fix: () => '选择 auto 或 http 模式，或更新 CLIProxyAPI。',
  },
  too_old_for_http: {
    message: (f) => `此 CLIProxyAPI${version(f)}没有 HTTP 用量队列，该功能自 v6.10.8 起提供。`,
    fix: () => '选择 auto 或 resp 模式，或更新 CLIProxyAPI。',
  },
  older_than_recommended: {
    message: (f) =>
      `CLIProxyAPI ${f.version ? `${f.version} ` : ''}低于建议的 v7.1.39：部分请求细节不会上报。`,
    fix: () => '请在方便时更新 CLIProxyAPI。',
  },
  resp_disabled: {
    message: (f) => `${gateway(f)}不响应 RESP 命令${because(f)}。`,
    fix: () => '选择 auto 或 http 模式。',
  },
  resp_through_http: {
    message: (f) => `与${gateway(f)}之间有只支持 HTTP 的中间层，因此记录无法推送过来。auto 模式会改为轮询。`,
    fix: () => '使用直连地址，例如 http://cli-proxy-api:8317；如果轮询即可，也可选择 http 模式。',
  },
  resp_behind_proxy: {
    message: (f) => `${f.url ?? '该地址'} 经过 https 或反向代理，无法传输 RESP。`,
    fix: () => '使用直连地址，例如 http://cli-proxy-api:8317，或选择 http 模式。',
  },
  tls_untrusted: {
    message: (f) => `${f.host ?? 'CLIProxyAPI'} 的证书不受信任${because(f)}。`,
    fix: () =>
      '使用受信任机构签发的证书；如果信任中间的网络，也可接受任何证书（配置中的 tlsSkipVerify，或 USAGE_RESP_TLS_SKIP_VERIFY=true）。',
  },
  tls_failed: {
    message: (f) => `无法与 ${f.host ?? 'CLIProxyAPI'} 建立 TLS 连接${because(f)}。`,
    fix: () => '确认该端口是否使用 TLS：使用则地址以 https:// 开头，否则以 http:// 开头。',
  },
  dns_failed: {
    message: (f) => `无法解析主机名${f.host ? ` ${f.host}` : ''}${because(f)}。`,
    fix: () => '检查地址中的主机名。在 Docker Compose 中它是服务名，且两者须在同一网络。',
  },
  docker_host_unresolved: {
    message: () => '此容器中无法解析 host.docker.internal。',
    fix: () => '启动容器时加上 --add-host=host.docker.internal:host-gateway（Compose 中为 extra_hosts）。',
  },
  connection_refused: {
    message: (f) => `${f.url ?? '该地址'} 没有程序在监听${because(f)}。`,
    fix: () => '启动 CLIProxyAPI，并检查主机和端口（默认为 8317）。',
  },
  loopback_in_container: {
    message: (f) => `${f.url ?? '该地址'} 指向此容器自身，而 CLIProxyAPI 不在其中。`,
    fix: () => '使用服务名，例如 http://cli-proxy-api:8317，或 http://host.docker.internal:8317。',
  },
  timed_out: {
    message: (f) => `${gateway(f)}未及时响应${because(f)}。`,
    fix: () => '确认地址正确，并且没有防火墙丢弃数据包。',
  },
  connection_lost: {
    message: (f) => `与${gateway(f)}的连接中断${because(f)}。`,
    fix: () =>
      '采集期间会自动重新连接。如果反复出现，请检查主机和端口（CLIProxyAPI 默认为 8317），并查看其日志。',
  },
  unexpected_redirect: {
    message: (f) => `${gateway(f)}返回了重定向${because(f)}；管理密钥不会发往别处。`,
    fix: () => '如果重定向的目标就是您的 CLIProxyAPI，请保存那个地址。',
  },
  unexpected_status: {
    message: (f) => `${gateway(f)}返回了错误${because(f)}。`,
    fix: () =>
      '如果中间有代理，请确认它能访问 CLIProxyAPI 并放行 /v0/management；否则请查看 CLIProxyAPI 的日志。采集期间会自动重试。',
  },
  unexpected_answer: {
    message: (f) => `${f.url ?? '该地址'} 的应答不是来自 CLIProxyAPI${because(f)}。`,
    fix: () => '请检查主机和端口：该地址必须是 CLIProxyAPI 本身，例如 http://cli-proxy-api:8317。',
  },
  overflow: {
    message: () => '由于读取过慢，CLIProxyAPI 结束了订阅；可能丢失一条记录。',
    fix: () => '会自动重新订阅。如果反复出现，说明机器过于繁忙。',
  },
  poll_exceeds_retention: {
    message: (f) =>
      `每 ${(f.pollIntervalMs ?? 0) / 1000} 秒读取一次记录，但 CLIProxyAPI 只保留 ${f.retentionSeconds ?? 60} 秒。`,
    fix: () => '缩短轮询间隔，或调大 CLIProxyAPI 的 redis-usage-queue-retention-seconds。',
  },
  retention_short: {
    message: (f) => `CLIProxyAPI 只保留记录 ${span(f.retentionSeconds ?? 60)}：cpamp 停机更久就会丢失记录。`,
    fix: () => '调大 CLIProxyAPI 的 redis-usage-queue-retention-seconds；最大为 3600，即一小时。',
  },
  second_consumer: {
    message: () => 'CLIProxyAPI 有请求计数，但没有记录到达：另一个程序正从同一队列取走记录。',
    fix: () => '停止读取该用量队列的其他管理器或导出程序。',
  },
  not_storing: {
    message: (f) => `记录已取得并保存在暂存区，但无法写入数据库${because(f)}。`,
    fix: () => '检查磁盘空间、权限和数据目录的挂载。暂存区写满之前不会丢失任何记录。',
  },
  database_locked: {
    message: () => '另一个进程锁定了数据库；新记录在暂存区等待。',
    fix: () => '关闭打开了该数据库的其他程序。',
  },
  disk_full: {
    message: () => '数据目录所在磁盘已满。',
    fix: () => '腾出空间，采集会自动继续。',
  },
  spool_full: {
    message: () => '暂存区已满，采集已暂停，CLIProxyAPI 会尽可能保留记录。',
    fix: () => '查看无法写入的原因（此处的其他条目）。低于上限一半后采集会恢复。',
  },
  spool_failed: {
    message: (f) => `无法写入暂存区${because(f)}，采集已暂停。`,
    fix: () => '检查磁盘空间和数据目录的权限。会自动重试。',
  },
  data_in_container_layer: {
    message: (f) => `${f.detail ?? '数据目录'} 位于容器内部：更换容器后全部历史都会丢失。`,
    fix: () => '按 compose.yaml 的示例在该处挂载卷。',
  },
  locked_data_key: {
    message: (f) => `无法打开已保存的密钥${because(f)}，因此没有采集。读取和导出仍可使用。`,
    fix: () => '放回正确的 data.key，或用 cpamp setup --new-data-key 生成新的。',
  },
  weak_admin_key: {
    message: () => '管理员密钥少于 16 个字符，可能被猜中。',
    fix: () => '换一个更长的，或让 cpamp 生成。',
  },
  setting_replaced: {
    message: (f) => (f.detail ? `某项设置无效，已改用默认值：${f.detail}` : '某项设置无效，已改用默认值。'),
    fix: () => '在启动服务的地方改正该值。',
  },
  old_program_running: {
    message: (f) => `旧程序仍打开着它的数据库${because(f)}，因此尚未接管，这里也没有采集。`,
    fix: (f) =>
      `在启动它的地方将其停止，并确保不会被再次启动（docker compose stop 或 systemctl stop）${f.pid ? `，或执行：kill ${f.pid}` : ''}。之后接管会自动开始。`,
  },
  takeover_space: {
    message: (f) => `空间不足，无法接管旧的历史记录${because(f)}，因此没有改动任何内容，也没有采集。`,
    fix: () => '在数据目录所在的卷上腾出空间，之后接管会自动开始。',
  },
  taking_over: {
    message: (f) => `正在接管旧的历史记录，${f.percent ?? 0} %${because(f)}。`,
    fix: () => '无需操作：新请求照常采集，旧记录会陆续出现。',
  },
  takeover_failed: {
    message: (f) => `旧的历史记录尚未全部接管${because(f)}。新请求照常采集。`,
    fix: () => '会自动重试，并从停下的地方继续。不要删除 pre-cpamp 文件夹：缺少的内容只在那里。',
  },
  no_history: {
    message: (f) => `没有找到历史记录，因此这是一个新的空数据库${because(f)}。`,
    fix: () =>
      '如果有历史记录，请停止 cpamp，并以旧程序的文件夹或卷作为数据目录启动，或用以下命令导入：cpamp migrate --from FOLDER',
  },
} satisfies DiagnosisTexts;
