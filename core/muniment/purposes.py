"""Purposes for which data is touched: terms of the W3C Data Privacy Vocabulary, with their labels; pure.

A term is the end of its address (https://w3id.org/dpv#ServiceProvision), from DPV
2.0's taxonomy of purposes. Only those that keeping customers needs stand here;
plugins name more (``muniment_purposes``), and a team allows its own words in
``muniment.toml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from muniment.plugins import Purpose
from muniment.schema import Label

__all__ = ["DPV", "MARKETING", "OWN", "PURPOSES", "address"]

MARKETING: Final = frozenset({"Marketing", "DirectMarketing", "PersonalisedAdvertising", "Personalisation"})
"""Purposes for which a letter needs a consent, whatever the configuration says (GDPR 6 and 21, PIPL 13)."""

_ROWS: Final = """
ServiceProvision |  | Service provision | 提供服务
RequestedServiceProvision | ServiceProvision | Providing a service that was asked for | 提供所请求的服务
DeliveryOfGoods | RequestedServiceProvision | Delivery of goods | 商品交付
PaymentManagement | ServiceProvision | Payment management | 支付管理
Personalisation |  | Personalisation | 个性化
CustomerManagement |  | Customer management | 客户管理
CustomerCare | CustomerManagement | Customer care | 客户服务
CustomerClaimsManagement | CustomerManagement | Handling of claims | 客户索赔管理
CustomerOrderManagement | CustomerManagement | Order management | 订单管理
CustomerRelationshipManagement | CustomerManagement | Customer relationship management | 客户关系管理
CreditChecking |  | Credit checking | 信用核查
Marketing |  | Marketing | 营销
DirectMarketing | Marketing | Direct marketing | 直接营销
PersonalisedAdvertising |  | Personalised advertising | 个性化广告
EnforceSecurity |  | Security | 安全保障
EnforceAccessControl | EnforceSecurity | Access control | 访问控制
IdentityVerification |  | Identity verification | 身份验证
AgeVerification |  | Age verification | 年龄核验
FraudPreventionAndDetection |  | Prevention and detection of fraud | 防范和发现欺诈
CounterMoneyLaundering |  | Countering money laundering | 反洗钱
LegalCompliance |  | Compliance with the law | 遵守法律
RightsFulfillment |  | Fulfillment of people's rights | 落实个人权利
DisputeManagement |  | Dispute management | 争议处理
RecordManagement |  | Record management | 档案管理
FulfilmentOfContractualObligation |  | Fulfillment of a contract | 履行合同
ResearchAndDevelopment |  | Research and development | 研究与开发
ScientificResearch | ResearchAndDevelopment | Scientific research | 科学研究
HumanResourceManagement |  | Human resource management | 人力资源管理
VendorManagement |  | Vendor management | 供应商管理
"""
_OWN_ROWS: Final = """
Audit | LegalCompliance | Audit | 审计
"""


def _read(rows: str) -> dict[str, Purpose]:
    found = {}
    for line in rows.strip().splitlines():
        term, broader, en, zh = (cell.strip() for cell in line.split("|"))
        found[term] = Purpose(term, Label(en, zh), broader)
    return found


DPV: Final[Mapping[str, Purpose]] = _read(_ROWS)
"""Terms of DPV 2.0, by term."""

OWN: Final[Mapping[str, Purpose]] = _read(_OWN_ROWS)
"""What DPV has no term for and every archive needs."""

PURPOSES: Final[Mapping[str, Purpose]] = {**DPV, **OWN}
"""Every purpose that the core knows, by term."""


def address(term: str) -> str:
    """The address of a term in the vocabulary; empty for one that is not of it."""
    return f"https://w3id.org/dpv#{term}" if term in DPV else ""
