// Text inside HTML and XML.
#pragma once

#include <string>
#include <string_view>

namespace plumb {

// As the text of an element or an attribute in either kind of quotes: & < > " ' become entities; control characters other than
// tab and line end, which XML 1.0 does not allow, are left out.
std::string EscapeMarkup(std::string_view text);

}  // namespace plumb
