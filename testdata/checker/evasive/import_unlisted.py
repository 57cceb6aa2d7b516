# script.import
import unheard_of
