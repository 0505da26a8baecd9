"""The closed list of what an entry can be about.

A kind is ``noun.verb``. The list grows by releases of muniment and never
shrinks: a kind that is no longer written stays, marked as retired, so that old
entries stay readable. It is published as ``muniment_schemas/kinds.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

__all__ = [
    "ACCESSES",
    "CHANGES",
    "EVIDENCE",
    "KINDS",
    "RULES",
    "SECURITY",
    "Kind",
    "kinds_document",
]

CHANGES: Final = 1
ACCESSES: Final = 2
SECURITY: Final = 3
EVIDENCE: Final = 4

RULES: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        CHANGES: ("Changes of records", "记录变更"),
        ACCESSES: ("Accesses to records and to the log", "记录与日志的访问"),
        SECURITY: ("Security and administration", "安全与管理"),
        EVIDENCE: ("Evidence, kept as long as the log", "证据，与日志同期保存"),
    }
)
"""The retention rules that details are stored under: number to (English, Chinese)."""


@attrs.frozen
class Kind:
    """One thing that an entry can be about.

    Attributes:
        name: ``noun.verb``, lower-case ASCII.
        rule: the retention rule that the entry's detail is stored under, out of ``RULES``.
        en: what happened, in English, as a heading.
        zh: the same in Simplified Chinese.
        retired: no longer written, still readable.
    """

    name: str
    rule: int
    en: str
    zh: str
    retired: bool = attrs.field(default=False, kw_only=True)


_CHANGES = """
record.create       | Record created                                  | 新建记录
record.update       | Record updated                                  | 更新记录
record.correct      | Record corrected                                | 更正记录
record.delete       | Record taken out of the lists                   | 删除记录（移出列表）
record.undelete     | Record put back into the lists                  | 恢复已删除的记录
record.revert       | Record set back to an earlier version           | 记录回退到旧版本
record.import       | Records written by an import                    | 导入写入记录
record.migrate      | Record written under a newer definition         | 记录迁移到新定义
record.refuse       | Write refused by a check                        | 写入未通过校验
import.begin        | Import started                                  | 开始导入
import.finish       | Import finished                                 | 导入完成
import.revert       | Import undone                                   | 撤销导入
import.map          | Import mapping saved or removed                 | 保存或删除导入映射
inbox.receive       | Message or scan came in                         | 收到邮件或扫描件
inbox.accept        | Message or scan accepted                        | 接受来件
inbox.refuse        | Message or scan refused                         | 拒绝来件
import.discard      | Staged import rows discarded                    | 丢弃暂存的导入行
change.propose      | Change proposed                                 | 提交变更申请
change.approve      | Change approved                                 | 批准变更
change.reject       | Change rejected                                 | 驳回变更
change.withdraw     | Change proposal withdrawn                       | 撤回变更申请
change.expire       | Change proposal expired                         | 变更申请过期
draft.save          | Draft saved                                     | 保存草稿
draft.discard       | Draft discarded                                 | 丢弃草稿
subject.link        | Two subjects linked as one                      | 关联两个主体
subject.unlink      | Link between subjects undone                    | 解除主体关联
subject.restrict    | Processing for a subject restricted             | 限制处理某主体数据
subject.unrestrict  | Restriction for a subject lifted                | 解除对某主体的处理限制
subject.object      | Objection to processing recorded                | 登记反对处理
consent.request     | Consent asked for                               | 征求同意
consent.give        | Consent given                                   | 给予同意
consent.refuse      | Consent refused                                 | 拒绝同意
consent.withdraw    | Consent withdrawn                               | 撤回同意
consent.renew       | Consent renewed                                 | 续期同意
consent.expire      | Consent expired                                 | 同意过期
consent.invalidate  | Consent declared invalid                        | 同意作废
consent.notice      | Notice for consents written                     | 编写同意告知书
mail.begin          | Mailing begun                                   | 开始群发邮件
mail.finish         | Mailing finished                                | 群发邮件完成
mail.answer         | Survey answered by a one-time link              | 通过一次性链接作答问卷
mail.unsubscribe    | Letters refused by a link of one                | 通过信中链接退订
request.open        | Subject request received                        | 收到个人信息权利请求
request.step        | Subject request taken a step further            | 个人信息权利请求推进
request.extend      | Time limit of a subject request extended        | 延长个人信息权利请求期限
request.decide      | Subject request decided                         | 个人信息权利请求作出决定
request.close       | Subject request closed                          | 个人信息权利请求办结
"""

_ACCESSES = """
record.read         | Record read                                     | 读取记录
record.reveal       | Masked fields shown in clear                    | 显示被遮盖的字段
record.list         | Records listed                                  | 列出记录
record.search       | Records searched                                | 搜索记录
record.scan         | Records searched by opening every candidate     | 逐条解密检索记录
record.aggregate    | Figures computed over records                   | 统计记录
record.match        | Existence of a value disclosed                  | 披露某值已存在
record.history      | History of a record read                        | 查看记录历史
record.diff         | Versions of a record compared                   | 比较记录版本
record.print        | Records printed or merged into letters          | 打印或邮件合并记录
record.export       | Records exported                                | 导出记录
record.accesses     | Accesses to a record listed                     | 查看记录的访问情况
file.read           | Attached file opened                            | 打开附件
import.preview      | Import tried without writing                    | 试导入
import.list         | Imports listed                                  | 列出导入
import.rejects      | Rejected rows handed out                        | 导出被拒绝的行
change.read         | Proposed changes read                           | 查看变更申请
draft.read          | Draft opened                                    | 打开草稿
data.check          | Data checked for stale, missing or wrong values | 检查数据质量
consent.read        | Consents read                                   | 查看同意情况
hold.read           | Holds listed                                    | 查看法律保留
retention.plan      | Retention plan made                             | 生成留存计划
retention.explain   | Retention of a record explained                 | 解释记录的留存期限
retention.report    | Retention report made                           | 生成留存报告
request.read        | Subject requests read                           | 查看个人信息权利请求
subject.report      | Report on a subject made                        | 生成主体数据报告
subject.accesses    | Accesses to a subject's data listed             | 查看主体数据的访问情况
subject.export      | Subject's data handed over for use elsewhere    | 转移主体数据
disclosure.record   | Disclosure outside the program recorded         | 登记线下披露
mail.send           | Mail with customer data sent                    | 发送含客户数据的邮件
mail.done           | Mail taken by the mail server                   | 邮件服务器已接收邮件
calendar.export     | Reminders handed out as a calendar              | 导出提醒日历
webhook.send        | Event sent to another system                    | 向外部系统推送事件
log.read            | Log read                                        | 查看日志
log.prove           | Proof of one entry made                         | 生成单条日志证明
log.export          | Log exported                                    | 导出日志
log.bundle          | Evidence bundle made                            | 生成证据包
audit.report        | Audit report made                               | 生成审计报告
alert.read          | Alerts read                                     | 查看告警
config.read         | Configuration read                              | 查看配置
role.read           | Roles and rights read                           | 查看角色与权限
user.read           | Users read                                      | 查看用户
"""

_SECURITY = """
access.deny         | Access denied                                   | 拒绝访问
user.sign_in        | Signed in                                       | 登录
user.sign_out       | Signed out                                      | 退出登录
user.sign_fail      | Sign-in failed                                  | 登录失败
user.step_up        | Identity confirmed again                        | 再次验证身份
user.lock           | Account locked                                  | 锁定账户
user.unlock         | Account unlocked                                | 解锁账户
user.add            | User added                                      | 添加用户
user.change         | User changed                                    | 修改用户
user.disable        | User disabled                                   | 停用用户
user.enable         | User enabled again                              | 重新启用用户
credential.set      | Password, second factor or passkey set          | 设置密码、第二因素或通行密钥
credential.remove   | Password, second factor or passkey removed      | 移除密码、第二因素或通行密钥
token.issue         | Access token issued                             | 签发访问令牌
token.revoke        | Access token revoked                            | 吊销访问令牌
role.define         | Role defined or changed                         | 定义或修改角色
role.remove         | Role removed                                    | 删除角色
role.grant          | Role granted                                    | 授予角色
role.revoke         | Role taken away                                 | 撤销角色
role.review         | Rights reviewed                                 | 复核权限
break_glass.begin   | Emergency access started                        | 开始紧急访问
break_glass.end     | Emergency access ended                          | 结束紧急访问
break_glass.review  | Emergency access reviewed                       | 复核紧急访问
approval.ask        | Approval asked for                              | 请求批准
approval.give       | Approval given                                  | 给予批准
approval.refuse     | Approval refused                                | 拒绝批准
approval.withdraw   | Request for approval withdrawn                  | 撤回批准请求
approval.use        | Approval used                                   | 使用批准
approval.expire     | Approval expired                                | 批准过期
config.apply        | Configuration applied                           | 应用配置
schema.apply        | Types and fields changed                        | 变更类型与字段
template.apply      | Template applied                                | 应用模板
webhook.add         | Webhook added                                   | 添加网络钩子
webhook.change      | Webhook changed                                 | 修改网络钩子
webhook.remove      | Webhook removed                                 | 移除网络钩子
suggestion.make     | Suggestion made                                 | 提出建议
suggestion.close    | Suggestion read                                 | 建议已阅
view.save           | View, dashboard or query of the log saved       | 保存视图、看板或日志查询
view.remove         | View, dashboard or query of the log removed     | 删除视图、看板或日志查询
plugin.enable       | Plugin enabled                                  | 启用插件
plugin.disable      | Plugin disabled                                 | 停用插件
plugin.upgrade      | Plugin upgraded                                 | 升级插件
plugin.quarantine   | Plugin put in quarantine                        | 隔离插件
plugin.fail         | Plugin failed                                   | 插件出错
plugin.act          | Plugin did something of its own                 | 插件执行自有操作
archive.create      | Archive created                                 | 创建档案库
archive.upgrade     | Archive brought to a newer format               | 升级档案库格式
archive.recover     | Interrupted work finished at opening            | 打开时完成中断的操作
store.copy          | Archive copied to another store                 | 复制档案库到其他存储
data.rebuild        | Indexes and current state rebuilt               | 重建索引与当前状态
key.slot_add        | Root slot added                                 | 添加根密钥槽
key.slot_change     | Root slot changed                               | 更换根密钥槽
key.slot_remove     | Root slot removed                               | 移除根密钥槽
key.slot_test       | Root slot tested                                | 测试根密钥槽
key.backup          | Key store backed up                             | 备份密钥库
key.restore         | Key store restored                              | 恢复密钥库
key.index_rotate    | Index key changed                               | 更换索引密钥
subject.give_tag_key | Subject given the key to their tags            | 向主体提供标记密钥
backup.create       | Backup made                                     | 创建备份
backup.drill        | Restoring practised                             | 恢复演练
serve.start         | Server started                                  | 服务启动
serve.stop          | Server stopped                                  | 服务停止
job.run             | Scheduled work done                             | 执行计划任务
job.fail            | Scheduled work failed                           | 计划任务失败
mail.fail           | Mail not delivered                              | 邮件发送失败
webhook.fail        | Event not delivered to another system           | 推送事件失败
alert.run           | Alert rules run                                 | 运行告警规则
alert.raise         | Alert raised                                    | 触发告警
alert.review        | Alert reviewed                                  | 复核告警
alert.send          | Alert sent to somebody                          | 发送告警
audit.review        | Log reviewed                                    | 复核日志
incident.open       | Incident recorded                               | 登记安全事件
incident.step       | Incident taken a step further                   | 安全事件推进
incident.close      | Incident closed                                 | 安全事件结案
log.verify          | Log verified                                    | 校验日志
log.resume          | Log written again after a failure               | 日志故障后恢复写入
clock.skew          | Clock found to be wrong                         | 发现时钟偏差
"""

_EVIDENCE = """
hold.place          | Hold placed                                     | 设置法律保留
hold.release        | Hold released                                   | 解除法律保留
retention.apply     | Retention applied                               | 执行留存计划
retention.refuse    | Disposal refused because of a hold or a rule    | 因保留或规则拒绝处置
erasure.order       | Erasure ordered                                 | 下达删除
erasure.begin       | Erasure begun                                   | 开始删除
erasure.done        | Erasure done                                    | 完成删除
erasure.refuse      | Erasure refused                                 | 拒绝删除
erasure.certify     | Certificate of erasure issued                   | 出具删除证明
part.expire         | Sealed parts expired                            | 密封数据到期清除
key.rotate          | Archive key changed and the old one destroyed   | 更换档案库密钥并销毁旧密钥
key.signer_change   | Signing key of the log changed                  | 更换日志签名密钥
backup.restore      | Backup restored                                 | 恢复备份
backup.delete       | Backup destroyed                                | 销毁备份
log.checkpoint      | Checkpoint signed                               | 签署检查点
log.witness         | Checkpoint witnessed                            | 见证检查点
log.timestamp       | Checkpoint timestamped                          | 检查点加盖时间戳
log.takeover        | Log taken over by another owner                 | 日志由新实例接管
log.continue        | Log continued in a new generation               | 日志续接新一代
log.dispose         | Details of the log disposed of                  | 处置日志明细
"""


def _table(rule: int, lines: str) -> dict[str, Kind]:
    rows = ([cell.strip() for cell in line.split("|")] for line in lines.strip().splitlines())
    return {name: Kind(name, rule, en, zh) for name, en, zh in rows}


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    _table(CHANGES, _CHANGES)
    | _table(ACCESSES, _ACCESSES)
    | _table(SECURITY, _SECURITY)
    | _table(EVIDENCE, _EVIDENCE)
)
"""Every kind by its name."""


def kinds_document() -> str:
    """The list as it is published: the text of ``muniment_schemas/kinds.json``."""
    document = {
        "rules": [{"rule": rule, "en": en, "zh": zh} for rule, (en, zh) in RULES.items()],
        "kinds": [
            {"kind": kind.name, "rule": kind.rule, "en": kind.en, "zh": kind.zh, "retired": kind.retired}
            for kind in KINDS.values()
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
