"""Numbers of people and bodies, country by country, as python-stdnum checks them.

A line is all that a further one needs. Where the last digits are the secret part
of a number, and the rest is a date of birth, its mask shows nothing.
"""

from __future__ import annotations

from typing import Final

from muniment.schema import FieldKind
from muniment_identifiers._stdnum import stdnum_kind

__all__ = ["KINDS"]

_SHOWN: Final = (
    # Europe
    ("at_vnr", "at.vnr", "Social insurance number (Austria)", "奥地利社会保险号"),
    ("be_nn", "be.nn", "National number (Belgium)", "比利时国民号码"),
    ("bg_egn", "bg.egn", "Personal number (Bulgaria)", "保加利亚个人编号"),
    ("ch_ssn", "ch.ssn", "Social security number (Switzerland)", "瑞士社会保险号（AHV）"),
    ("ch_uid", "ch.uid", "Business number (Switzerland)", "瑞士企业编号（UID）"),
    ("cz_rc", "cz.rc", "Birth number (Czechia)", "捷克出生编号"),
    ("de_idnr", "de.idnr", "Tax identification number (Germany)", "德国税务识别号"),
    ("dk_cvr", "dk.cvr", "Business number (Denmark)", "丹麦企业编号（CVR）"),
    ("es_dni", "es.dni", "National identity number (Spain)", "西班牙国民身份证号（DNI）"),
    ("es_nie", "es.nie", "Foreigner's number (Spain)", "西班牙外国人身份号（NIE）"),
    ("es_nif", "es.nif", "Tax number (Spain)", "西班牙税号（NIF）"),
    ("fi_ytunnus", "fi.ytunnus", "Business number (Finland)", "芬兰企业编号"),
    ("fr_nir", "fr.nir", "Social security number (France)", "法国社会保险号（NIR）"),
    ("fr_siren", "fr.siren", "SIREN (France)", "法国企业编号（SIREN）"),
    ("fr_siret", "fr.siret", "SIRET (France)", "法国机构编号（SIRET）"),
    ("gb_utr", "gb.utr", "Unique taxpayer reference (United Kingdom)", "英国纳税人编号（UTR）"),
    ("gr_amka", "gr.amka", "Social security number (Greece)", "希腊社会保险号（AMKA）"),
    ("hr_oib", "hr.oib", "Personal number (Croatia)", "克罗地亚个人编号（OIB）"),
    ("ie_pps", "ie.pps", "Personal public service number (Ireland)", "爱尔兰个人公共服务号（PPS）"),
    ("it_codice_fiscale", "it.codicefiscale", "Tax code (Italy)", "意大利税号"),
    ("lt_asmens", "lt.asmens", "Personal code (Lithuania)", "立陶宛个人编码"),
    ("nl_bsn", "nl.bsn", "Citizen service number (Netherlands)", "荷兰公民服务号（BSN）"),
    ("no_orgnr", "no.orgnr", "Organisation number (Norway)", "挪威组织编号"),
    ("pl_nip", "pl.nip", "Tax number (Poland)", "波兰税号（NIP）"),
    ("pl_pesel", "pl.pesel", "Personal number (Poland)", "波兰个人编号（PESEL）"),
    ("pl_regon", "pl.regon", "Business number (Poland)", "波兰企业编号（REGON）"),
    ("pt_nif", "pt.nif", "Tax number (Portugal)", "葡萄牙税号（NIF）"),
    ("ro_cnp", "ro.cnp", "Personal number (Romania)", "罗马尼亚个人编号（CNP）"),
    ("ru_inn", "ru.inn", "Tax number (Russia)", "俄罗斯税号（ИНН）"),
    ("se_orgnr", "se.orgnr", "Organisation number (Sweden)", "瑞典组织编号"),
    ("tr_tckimlik", "tr.tckimlik", "Identity number (Türkiye)", "土耳其身份号码"),
    # The Americas
    ("ar_cuit", "ar.cuit", "Tax number (Argentina)", "阿根廷税号（CUIT）"),
    ("br_cnpj", "br.cnpj", "Company number (Brazil)", "巴西企业税号（CNPJ）"),
    ("br_cpf", "br.cpf", "Personal tax number (Brazil)", "巴西个人税号（CPF）"),
    ("ca_bn", "ca.bn", "Business number (Canada)", "加拿大企业编号"),
    ("ca_sin", "ca.sin", "Social insurance number (Canada)", "加拿大社会保险号（SIN）"),
    ("cl_rut", "cl.rut", "Tax and identity number (Chile)", "智利税务身份号（RUT）"),
    ("co_nit", "co.nit", "Tax number (Colombia)", "哥伦比亚税号（NIT）"),
    ("mx_curp", "mx.curp", "Population registry code (Mexico)", "墨西哥人口登记号（CURP）"),
    ("mx_rfc", "mx.rfc", "Tax number (Mexico)", "墨西哥税号（RFC）"),
    ("pe_ruc", "pe.ruc", "Tax number (Peru)", "秘鲁税号（RUC）"),
    # Asia, Africa, Oceania
    ("au_abn", "au.abn", "Business number (Australia)", "澳大利亚企业编号（ABN）"),
    ("au_acn", "au.acn", "Company number (Australia)", "澳大利亚公司编号（ACN）"),
    ("au_tfn", "au.tfn", "Tax file number (Australia)", "澳大利亚税号（TFN）"),
    ("id_nik", "id.nik", "Identity number (Indonesia)", "印度尼西亚身份号码（NIK）"),
    ("il_idnr", "il.idnr", "Identity number (Israel)", "以色列身份号码"),
    ("in_aadhaar", "in_.aadhaar", "Aadhaar (India)", "印度身份号码（Aadhaar）"),
    ("in_gstin", "in_.gstin", "GST number (India)", "印度商品服务税号（GSTIN）"),
    ("in_pan", "in_.pan", "Permanent account number (India)", "印度永久账号（PAN）"),
    ("jp_corporate_number", "jp.cn", "Corporate number (Japan)", "日本法人编号"),
    ("jp_my_number", "jp.in_", "Individual number (Japan)", "日本个人编号（My Number）"),
    ("kr_brn", "kr.brn", "Business number (South Korea)", "韩国企业编号"),
    ("my_nric", "my.nric", "Identity number (Malaysia)", "马来西亚身份号码（NRIC）"),
    ("nz_ird", "nz.ird", "Tax number (New Zealand)", "新西兰税号（IRD）"),
    ("sg_uen", "sg.uen", "Entity number (Singapore)", "新加坡实体编号（UEN）"),
    ("th_pin", "th.pin", "Identity number (Thailand)", "泰国身份号码"),
    ("tw_ubn", "tw.ubn", "Business number (Taiwan)", "统一编号（中国台湾）"),
    ("vn_mst", "vn.mst", "Tax number (Vietnam)", "越南税号（MST）"),
    ("za_idnr", "za.idnr", "Identity number (South Africa)", "南非身份号码"),
)

_HIDDEN: Final = (
    ("dk_cpr", "dk.cpr", "Personal number (Denmark)", "丹麦个人编号（CPR）"),
    ("ee_ik", "ee.ik", "Personal code (Estonia)", "爱沙尼亚个人编码"),
    ("fi_hetu", "fi.hetu", "Personal code (Finland)", "芬兰个人编码"),
    ("kr_rrn", "kr.rrn", "Resident number (South Korea)", "韩国居民登记号"),
    ("no_fodselsnummer", "no.fodselsnummer", "Personal number (Norway)", "挪威个人编号"),
    ("se_personnummer", "se.personnummer", "Personal number (Sweden)", "瑞典个人编号"),
)

KINDS: Final[tuple[FieldKind, ...]] = (
    *(stdnum_kind(*line) for line in _SHOWN),
    *(stdnum_kind(*line, mask="full") for line in _HIDDEN),
)
"""Identity, tax and business numbers."""
