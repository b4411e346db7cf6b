// Numbers that states give to people, told from other numbers by their check digits.
//
//   national_id::Germany("86095742719")   // the tax number's digit rule and ISO 7064 mod 11,10
//
// Each takes the letters and digits alone, upper case, without separators, and says whether they are well formed with a
// right check. They are functions of their arguments and take any bytes.
#pragma once

#include <string_view>

namespace plumb::guard::national_id {

bool Germany(std::string_view id);        // Steuer-Identifikationsnummer, 11 digits
bool France(std::string_view id);         // NIR, 13 characters and a key of 2
bool Spain(std::string_view id);          // DNI and NIE, 9 characters
bool Italy(std::string_view id);          // codice fiscale, 16 characters
bool Netherlands(std::string_view id);    // BSN, 9 digits
bool Belgium(std::string_view id);        // Rijksregisternummer, 11 digits
bool Poland(std::string_view id);         // PESEL, 11 digits
bool Sweden(std::string_view id);         // personnummer, 10 or 12 digits
bool Norway(std::string_view id);         // fødselsnummer, 11 digits
bool Finland(std::string_view id);        // henkilötunnus, 11 characters with its sign
bool Switzerland(std::string_view id);    // AHV number, 13 digits
bool UnitedKingdom(std::string_view id);  // National Insurance number, 9 characters; it has no check digit
bool Nhs(std::string_view id);            // NHS number, 10 digits
bool Brazil(std::string_view id);         // CPF, 11 digits
bool Canada(std::string_view id);         // Social Insurance Number, 9 digits
bool Mexico(std::string_view id);         // CURP, 18 characters
bool India(std::string_view id);          // Aadhaar, 12 digits (Verhoeff)
bool China(std::string_view id);          // resident identity number, 18 characters
bool Korea(std::string_view id);          // resident registration number, 13 digits
bool SouthAfrica(std::string_view id);    // identity number, 13 digits
bool Turkey(std::string_view id);         // T.C. kimlik numarası, 11 digits

}  // namespace plumb::guard::national_id
