"""The languages of NLLB-200 and Whisper, one per line. `languages.py` reads the table.

Columns: FLORES-200 code, Whisper's code, other codes, English name. A dash marks an empty cell. A dialect has the code
under which Whisper recognizes it. If NLLB has a language in two scripts, the usual script comes first.
Sources: the language lists of NLLB-200's tokenizer and of Whisper; ISO 639-1, 639-2/B and 639-3.
"""

TABLE = """
ace_Latn  -   -             Acehnese
ace_Arab  -   -             Acehnese (Arabic script)
acm_Arab  ar  -             Mesopotamian Arabic
acq_Arab  ar  -             Taizzi-Adeni Arabic
aeb_Arab  ar  -             Tunisian Arabic
afr_Latn  af  af            Afrikaans
ajp_Arab  ar  -             South Levantine Arabic
aka_Latn  -   ak            Akan
als_Latn  sq  sq,sqi,alb    Albanian
amh_Ethi  am  am            Amharic
apc_Arab  ar  -             North Levantine Arabic
arb_Arab  ar  ar,ara        Arabic
ars_Arab  ar  -             Najdi Arabic
ary_Arab  ar  -             Moroccan Arabic
arz_Arab  ar  -             Egyptian Arabic
asm_Beng  as  as            Assamese
ast_Latn  -   -             Asturian
awa_Deva  -   -             Awadhi
ayr_Latn  -   ay,aym        Aymara
azb_Arab  az  az-arab       South Azerbaijani
azj_Latn  az  az,aze        Azerbaijani
bak_Cyrl  ba  ba            Bashkir
bam_Latn  -   bm            Bambara
ban_Latn  -   -             Balinese
bel_Cyrl  be  be            Belarusian
bem_Latn  -   -             Bemba
ben_Beng  bn  bn            Bengali
bho_Deva  -   -             Bhojpuri
bjn_Latn  -   -             Banjar
bjn_Arab  -   -             Banjar (Arabic script)
bod_Tibt  bo  bo,tib        Tibetan
bos_Latn  bs  bs            Bosnian
bug_Latn  -   -             Buginese
bul_Cyrl  bg  bg            Bulgarian
cat_Latn  ca  ca            Catalan
ceb_Latn  -   -             Cebuano
ces_Latn  cs  cs,cze        Czech
cjk_Latn  -   -             Chokwe
ckb_Arab  -   ku-arab       Central Kurdish
crh_Latn  -   -             Crimean Tatar
cym_Latn  cy  cy,wel        Welsh
dan_Latn  da  da            Danish
deu_Latn  de  de,ger        German
dik_Latn  -   din           Dinka
dyu_Latn  -   -             Dyula
dzo_Tibt  -   dz            Dzongkha
ell_Grek  el  el,gre        Greek
eng_Latn  en  en            English
epo_Latn  -   eo            Esperanto
est_Latn  et  et,ekk        Estonian
eus_Latn  eu  eu,baq        Basque
ewe_Latn  -   ee            Ewe
fao_Latn  fo  fo            Faroese
fij_Latn  -   fj            Fijian
fin_Latn  fi  fi            Finnish
fon_Latn  -   -             Fon
fra_Latn  fr  fr,fre        French
fur_Latn  -   -             Friulian
fuv_Latn  -   ff,ful        Fulfulde
gaz_Latn  -   om,orm        Oromo
gla_Latn  -   gd            Scottish Gaelic
gle_Latn  -   ga            Irish
glg_Latn  gl  gl            Galician
grn_Latn  -   gn,gug        Guarani
guj_Gujr  gu  gu            Gujarati
hat_Latn  ht  ht            Haitian Creole
hau_Latn  ha  ha            Hausa
heb_Hebr  he  he,iw         Hebrew
hin_Deva  hi  hi            Hindi
hne_Deva  -   -             Chhattisgarhi
hrv_Latn  hr  hr            Croatian
hun_Latn  hu  hu            Hungarian
hye_Armn  hy  hy,arm        Armenian
ibo_Latn  -   ig            Igbo
ilo_Latn  -   -             Ilocano
ind_Latn  id  id,in         Indonesian
isl_Latn  is  is,ice        Icelandic
ita_Latn  it  it            Italian
jav_Latn  jw  jv,jw         Javanese
jpn_Jpan  ja  ja            Japanese
kab_Latn  -   -             Kabyle
kac_Latn  -   -             Jingpho
kam_Latn  -   -             Kamba
kan_Knda  kn  kn            Kannada
kas_Arab  -   ks            Kashmiri
kas_Deva  -   -             Kashmiri (Devanagari)
kat_Geor  ka  ka,geo        Georgian
kaz_Cyrl  kk  kk            Kazakh
kbp_Latn  -   -             Kabiyè
kea_Latn  -   -             Kabuverdianu
khk_Cyrl  mn  mn,mon        Mongolian
khm_Khmr  km  km            Khmer
kik_Latn  -   ki            Kikuyu
kin_Latn  -   rw            Kinyarwanda
kir_Cyrl  -   ky            Kyrgyz
kmb_Latn  -   -             Kimbundu
kmr_Latn  -   ku,kur        Kurdish
knc_Latn  -   kr,kau        Kanuri
knc_Arab  -   -             Kanuri (Arabic script)
kon_Latn  -   kg            Kongo
kor_Hang  ko  ko            Korean
lao_Laoo  lo  lo            Lao
lij_Latn  -   -             Ligurian
lim_Latn  -   li            Limburgish
lin_Latn  ln  ln            Lingala
lit_Latn  lt  lt            Lithuanian
lmo_Latn  -   -             Lombard
ltg_Latn  -   -             Latgalian
ltz_Latn  lb  lb            Luxembourgish
lua_Latn  -   -             Luba-Kasai
lug_Latn  -   lg            Ganda
luo_Latn  -   -             Luo
lus_Latn  -   -             Mizo
lvs_Latn  lv  lv,lav        Latvian
mag_Deva  -   -             Magahi
mai_Deva  -   -             Maithili
mal_Mlym  ml  ml            Malayalam
mar_Deva  mr  mr            Marathi
min_Latn  -   -             Minangkabau
mkd_Cyrl  mk  mk,mac        Macedonian
mlt_Latn  mt  mt            Maltese
mni_Beng  -   mni-mtei      Manipuri
mos_Latn  -   -             Mossi
mri_Latn  mi  mi,mao        Maori
mya_Mymr  my  my,bur        Burmese
nld_Latn  nl  nl,dut        Dutch
nno_Latn  nn  nn            Norwegian Nynorsk
nob_Latn  no  nb,no,nor     Norwegian
npi_Deva  ne  ne,nep        Nepali
nso_Latn  -   -             Northern Sotho
nus_Latn  -   -             Nuer
nya_Latn  -   ny            Chichewa
oci_Latn  oc  oc            Occitan
ory_Orya  -   or,ori        Odia
pag_Latn  -   -             Pangasinan
pan_Guru  pa  pa            Punjabi
pap_Latn  -   -             Papiamento
pbt_Arab  ps  ps,pus        Pashto
pes_Arab  fa  fa,fas,per    Persian
plt_Latn  mg  mg,mlg        Malagasy
pol_Latn  pl  pl            Polish
por_Latn  pt  pt            Portuguese
prs_Arab  fa  fa-af         Dari
quy_Latn  -   qu,que        Quechua
ron_Latn  ro  ro,mo,rum,mol Romanian
run_Latn  -   rn            Rundi
rus_Cyrl  ru  ru            Russian
sag_Latn  -   sg            Sango
san_Deva  sa  sa            Sanskrit
sat_Beng  -   sat-olck      Santali
scn_Latn  -   -             Sicilian
shn_Mymr  -   -             Shan
sin_Sinh  si  si            Sinhala
slk_Latn  sk  sk,slo        Slovak
slv_Latn  sl  sl            Slovenian
smo_Latn  -   sm            Samoan
sna_Latn  sn  sn            Shona
snd_Arab  sd  sd            Sindhi
som_Latn  so  so            Somali
sot_Latn  -   st            Southern Sotho
spa_Latn  es  es            Spanish
srd_Latn  -   sc            Sardinian
srp_Cyrl  sr  sr            Serbian
ssw_Latn  -   ss            Swati
sun_Latn  su  su            Sundanese
swe_Latn  sv  sv            Swedish
swh_Latn  sw  sw,swa        Swahili
szl_Latn  -   -             Silesian
tam_Taml  ta  ta            Tamil
taq_Latn  -   tmh           Tamasheq
taq_Tfng  -   -             Tamasheq (Tifinagh)
tat_Cyrl  tt  tt            Tatar
tel_Telu  te  te            Telugu
tgk_Cyrl  tg  tg            Tajik
tgl_Latn  tl  tl,fil        Tagalog
tha_Thai  th  th            Thai
tir_Ethi  -   ti            Tigrinya
tpi_Latn  -   -             Tok Pisin
tsn_Latn  -   tn            Tswana
tso_Latn  -   ts            Tsonga
tuk_Latn  tk  tk            Turkmen
tum_Latn  -   -             Tumbuka
tur_Latn  tr  tr            Turkish
twi_Latn  -   tw            Twi
tzm_Tfng  -   zgh           Tamazight
uig_Arab  -   ug            Uyghur
ukr_Cyrl  uk  uk            Ukrainian
umb_Latn  -   -             Umbundu
urd_Arab  ur  ur            Urdu
uzn_Latn  uz  uz,uzb        Uzbek
vec_Latn  -   -             Venetian
vie_Latn  vi  vi            Vietnamese
war_Latn  -   -             Waray
wol_Latn  -   wo            Wolof
xho_Latn  -   xh            Xhosa
ydd_Hebr  yi  yi,ji,yid     Yiddish
yor_Latn  yo  yo            Yoruba
yue_Hant  yue zh-yue        Cantonese
zho_Hans  zh  zh,chi,cmn    Chinese (Simplified)
zho_Hant  zh  zh-hant,zh-tw,zh-hk,zh-mo,cmn-hant,cmn-tw Chinese (Traditional)
zsm_Latn  ms  ms,msa,may    Malay
zul_Latn  -   zu            Zulu
-         br  br,bre        Breton
-         haw haw           Hawaiian
-         la  la,lat        Latin
"""
